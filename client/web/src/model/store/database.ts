/**
 * A profile in the browser's database, sealed (seal.ts).
 *
 * Values are sealed before a transaction begins: the database ends a transaction that waits for anything else. Rooms and
 * the names of records stand there as HMACs.
 */

import type { Bytes } from "../../base/bytes.ts"
import { bytes, struct, text, type Value } from "../../protocol/fields.ts"
import { pack, unpack } from "../../protocol/msgpack.ts"
import { deleteDatabase, openDatabase, resultOf, writeIn } from "./indexed.ts"
import type { Kept, Profile, Write } from "./profile.ts"
import { generateKeys, hidden, type Keys, StoreError, seal, unseal } from "./seal.ts"

/** Since 2 there are parts. */
const VERSION = 2
const TABLES = ["rooms", "records", "timeline", "outbox", "parts"] as const
const MAX_VALUE_BYTES = 1 << 28

type Table = (typeof TABLES)[number]
/** A room's HMAC, and what the row is within the room: a record's HMAC, a seq, a place. */
type RowKey = [room: string, within: string | number]

/** Where the profile's own keys are, among which is no other. */
const KEYS = "keys"
const OWN = "profile"

/** A value that is kept by a name, which its key hides. */
const NAMED = struct({ name: text(256), value: bytes(0, MAX_VALUE_BYTES) })

/** The profile of that name, made where there is none. Throws `storage-unavailable`. */
export async function openProfile(name: string): Promise<Profile> {
  try {
    const database = await openDatabase(name, VERSION, [KEYS, ...TABLES])
    return profileIn(database, name, await keysOf(database))
  } catch (error) {
    throw new StoreError(
      "storage-unavailable",
      "This browser keeps nothing here: it is a private window.",
      error,
    )
  }
}

async function keysOf(database: IDBDatabase): Promise<Keys> {
  const known = await resultOf<Keys | undefined>(database.transaction(KEYS).objectStore(KEYS).get(OWN))
  if (known !== undefined) return known
  const fresh = await generateKeys()
  await writeIn(database, [KEYS], (table) => table(KEYS).add(fresh, OWN)) // never in the place of others
  return fresh
}

function profileIn(database: IDBDatabase, name: string, keys: Keys): Profile {
  return {
    isLasting: true,
    rooms: () => readRooms(database, keys),
    read: (room) => readRoom(database, keys, room),
    part: (room, name) => readPart(database, keys, room, name),
    parts: (room) => readParts(database, keys, room),
    write: (room, write) => writeRoom(database, keys, room, write),
    forget: (room) => forgetRoom(database, keys, room),
    wipe: async () => {
      await writeIn(database, [KEYS], (table) => table(KEYS).clear())
      database.close()
      await deleteDatabase(name)
    },
    close: () => database.close(),
  }
}

// ---- reading

const placeOf = (table: Table, [room, within]: RowKey): string => `${table}/${room}/${within}`

/** All rows of a room, or of all rooms, in the order of their keys. */
async function readTable(
  database: IDBDatabase,
  keys: Keys,
  table: Table,
  range?: IDBKeyRange,
): Promise<readonly (readonly [RowKey, Bytes])[]> {
  const store = database.transaction(table).objectStore(table)
  const [rowKeys, values] = await Promise.all([
    resultOf(store.getAllKeys(range)),
    resultOf<Bytes[]>(store.getAll(range)),
  ])
  return Promise.all(
    rowKeys.map(async (rowKey, at) => {
      const key = rowKey as RowKey
      const value = await unseal(keys, placeOf(table, key), values[at] ?? new Uint8Array())
      return [key, value] as const
    }),
  )
}

const wholeRoom = (room: string): IDBKeyRange =>
  IDBKeyRange.bound([room, Number.NEGATIVE_INFINITY], [room, []])

const parseNamed = (value: Bytes): Value<typeof NAMED> => unpack(value, NAMED.read)

async function readRooms(database: IDBDatabase, keys: Keys): Promise<ReadonlyMap<string, Bytes>> {
  const rows = await readTable(database, keys, "rooms")
  return new Map(rows.map(([, value]) => parseNamed(value)).map(({ name, value }) => [name, value]))
}

async function readRoom(database: IDBDatabase, keys: Keys, room: string): Promise<Kept> {
  const range = wholeRoom(await hidden(keys, room))
  const [records, timeline, outbox] = await Promise.all([
    readTable(database, keys, "records", range),
    readTable(database, keys, "timeline", range),
    readTable(database, keys, "outbox", range),
  ])
  const numbered = (rows: typeof timeline) =>
    new Map(rows.map(([[, within], value]) => [Number(within), value] as const))
  return {
    records: new Map(records.map(([, row]) => parseNamed(row)).map(({ name, value }) => [name, value])),
    timeline: numbered(timeline),
    outbox: numbered(outbox),
  }
}

async function readPart(
  database: IDBDatabase,
  keys: Keys,
  room: string,
  name: string,
): Promise<Bytes | undefined> {
  const key: RowKey = [await hidden(keys, room), await hidden(keys, name)]
  const sealed = await resultOf<Bytes | undefined>(
    database.transaction("parts").objectStore("parts").get(key),
  )
  return sealed && parseNamed(await unseal(keys, placeOf("parts", key), sealed)).value
}

async function readParts(
  database: IDBDatabase,
  keys: Keys,
  room: string,
): Promise<ReadonlyMap<string, Bytes>> {
  const rows = await readTable(database, keys, "parts", wholeRoom(await hidden(keys, room)))
  return new Map(rows.map(([, row]) => parseNamed(row)).map(({ name, value }) => [name, value]))
}

// ---- writing

interface Row {
  readonly table: Table
  readonly key: RowKey
  /** Sealed; undefined where the row is taken away. */
  readonly value: Bytes | undefined
}

async function writeRoom(database: IDBDatabase, keys: Keys, room: string, write: Write): Promise<void> {
  const rows = await rowsOf(keys, room, write)
  await writeIn(database, TABLES, (table) => {
    for (const row of rows)
      if (row.value === undefined) table(row.table).delete(row.key)
      else table(row.table).put(row.value, row.key)
  })
}

async function rowsOf(keys: Keys, room: string, write: Write): Promise<readonly Row[]> {
  const tag = await hidden(keys, room)
  const row = async (table: Table, within: string | number, value: Uint8Array | undefined): Promise<Row> => {
    const key: RowKey = [tag, within]
    return { table, key, value: value && (await seal(keys, placeOf(table, key), value)) }
  }
  const named = async (table: Table, name: string, value: Bytes | undefined): Promise<Row> =>
    row(table, await hidden(keys, name), value && pack(NAMED.write({ name, value })))
  return Promise.all([
    ...(write.room === undefined ? [] : [named("rooms", room, write.room)]),
    ...[...(write.records ?? [])].map(([name, value]) => named("records", name, value)),
    ...[...(write.parts ?? [])].map(([name, value]) => named("parts", name, value)),
    ...[...(write.timeline ?? [])].map(([seq, value]) => row("timeline", seq, value)),
    ...[...(write.outbox ?? [])].map(([place, value]) => row("outbox", place, value)),
  ])
}

async function forgetRoom(database: IDBDatabase, keys: Keys, room: string): Promise<void> {
  const range = wholeRoom(await hidden(keys, room))
  await writeIn(database, TABLES, (table) => {
    for (const name of TABLES) table(name).delete(range)
  })
}
