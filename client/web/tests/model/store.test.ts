import "fake-indexeddb/auto"
import { deleteDB, openDB } from "idb"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type Bytes, utf8 } from "../../src/base/bytes.ts"
import { openProfile } from "../../src/model/store/database.ts"
import { memoryProfile } from "../../src/model/store/memory.ts"
import type { Profile } from "../../src/model/store/profile.ts"

const ROOM = "room-one"
const map = <K>(...entries: readonly (readonly [K, string | undefined])[]) =>
  new Map(entries.map(([key, value]) => [key, value === undefined ? undefined : utf8(value)]))
const stored = <K>(...entries: readonly (readonly [K, string])[]) =>
  new Map(entries.map(([key, value]) => [key, utf8(value)] as const))

let names = 0
const freshName = () => `profile ${++names}`

describe.each([
  ["in the database", openProfile],
  ["in memory", async () => memoryProfile()],
])("a profile %s", (_, open) => {
  let profile: Profile
  beforeEach(async () => {
    profile = await open(freshName())
  })
  afterEach(() => profile.close())

  test("keeps what is written, in order, by room", async () => {
    await profile.write(ROOM, {
      room: utf8("keys"),
      records: stored(["mls", "epoch 1"], ["fold", "state"]),
      timeline: stored([10, "ten"], [9, "nine"], [100, "hundred"]),
      outbox: stored([2, "second"], [1, "first"]),
    })
    await profile.write("room-two", { room: utf8("other"), records: stored(["mls", "other"]) })
    expect(await profile.rooms()).toEqual(stored([ROOM, "keys"], ["room-two", "other"]))
    const kept = await profile.read(ROOM)
    expect(kept.records).toEqual(stored(["mls", "epoch 1"], ["fold", "state"]))
    expect([...kept.timeline.keys()]).toEqual([9, 10, 100])
    expect([...kept.outbox.keys()]).toEqual([1, 2])
    expect((await profile.read("room-three")).records.size).toBe(0)
  })

  test("changes and takes away in one transaction", async () => {
    await profile.write(ROOM, { records: stored(["a", "1"], ["b", "2"]), outbox: stored([1, "x"]) })
    await profile.write(ROOM, {
      records: map(["a", "3"], ["b", undefined]),
      timeline: stored([1, "sent"]),
      outbox: map([1, undefined]),
    })
    const kept = await profile.read(ROOM)
    expect(kept.records).toEqual(stored(["a", "3"]))
    expect(kept.timeline).toEqual(stored([1, "sent"]))
    expect(kept.outbox.size).toBe(0)
  })

  test("keeps parts by name, reads them one by one, and forgets them with their room", async () => {
    await profile.write(ROOM, {
      room: utf8("keys"),
      parts: stored(["blob/0", "first"], ["blob/1", "second"]),
    })
    await profile.write("room-two", { parts: stored(["blob/0", "other"]) })
    expect(await profile.part(ROOM, "blob/1")).toEqual(utf8("second"))
    expect(await profile.part(ROOM, "blob/2")).toBe(undefined)
    await profile.write(ROOM, { parts: map(["blob/0", undefined]) })
    expect(await profile.parts(ROOM)).toEqual(stored(["blob/1", "second"]))
    await profile.forget(ROOM)
    expect((await profile.parts(ROOM)).size).toBe(0)
    expect((await profile.parts("room-two")).size).toBe(1)
  })

  test("forgets a room and leaves the others", async () => {
    for (const room of [ROOM, "room-two"])
      await profile.write(room, { room: utf8(room), records: stored(["a", "1"]), timeline: stored([1, "x"]) })
    await profile.forget(ROOM)
    expect([...(await profile.rooms()).keys()]).toEqual(["room-two"])
    expect((await profile.read(ROOM)).timeline.size).toBe(0)
    expect((await profile.read("room-two")).timeline.size).toBe(1)
  })
})

describe("the database", () => {
  test("a profile comes back as it was; wiped, it does not", async () => {
    const name = freshName()
    const first = await openProfile(name)
    await first.write(ROOM, { room: utf8("keys"), timeline: stored([1, "hello"]) })
    first.close()
    const second = await openProfile(name)
    expect((await second.read(ROOM)).timeline).toEqual(stored([1, "hello"]))
    await second.wipe()
    expect((await indexedDB.databases()).map((one) => one.name)).not.toContain(name)
    const third = await openProfile(name)
    expect((await third.rooms()).size).toBe(0)
    third.close()
  })

  test("nothing stands there in clear, and the keys cannot be read", async () => {
    const name = freshName()
    const profile = await openProfile(name)
    await profile.write(ROOM, {
      room: utf8("SECRET of the room"),
      records: stored(["SECRET name", "SECRET record"]),
      timeline: stored([1, "SECRET message"]),
      outbox: stored([1, "SECRET draft"]),
      parts: stored(["SECRET blob", "SECRET part"]),
    })
    const raw = await openDB(name)
    for (const table of ["rooms", "records", "timeline", "outbox", "parts"])
      for (const [at, value] of (await raw.getAll(table)).entries()) {
        const row =
          JSON.stringify((await raw.getAllKeys(table))[at]) + Buffer.from(value as Bytes).toString("latin1")
        expect(row).not.toContain("SECRET")
        expect(row).not.toContain(ROOM)
      }
    const keys = (await raw.get("keys", "profile")) as Record<string, CryptoKey>
    for (const key of Object.values(keys)) {
      expect(key.extractable).toBe(false)
      await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow()
    }
    raw.close()
    profile.close()
  })

  test("a value that was altered, or moved to another place, is refused", async () => {
    const name = freshName()
    const profile = await openProfile(name)
    await profile.write(ROOM, { timeline: stored([1, "one"], [2, "two"]) })
    const raw = await openDB(name)
    const [first, second] = await raw.getAllKeys("timeline")
    const value = (await raw.get("timeline", first as IDBValidKey)) as Bytes
    await raw.put("timeline", value, second)
    await expect(profile.read(ROOM)).rejects.toMatchObject({ code: "profile-damaged" })
    await raw.put("timeline", value.with(20, (value[20] ?? 0) ^ 1), first)
    await expect(profile.read(ROOM)).rejects.toMatchObject({ code: "profile-damaged" })
    raw.close()
    profile.close()
  })

  test("a transaction that fails changes nothing", async () => {
    const profile = await openProfile(freshName())
    await profile.write(ROOM, { records: stored(["a", "1"]) })
    const wrong = { records: stored(["a", "2"]), timeline: stored([Number.NaN, "no key"]) }
    await expect(profile.write(ROOM, wrong)).rejects.toThrow()
    expect((await profile.read(ROOM)).records).toEqual(stored(["a", "1"]))
    profile.close()
  })

  test("a browser that keeps nothing says so", async () => {
    const kept = indexedDB.open
    indexedDB.open = () => {
      throw new DOMException("not here", "InvalidStateError")
    }
    await expect(openProfile(freshName())).rejects.toMatchObject({ code: "storage-unavailable" })
    indexedDB.open = kept
  })
})

test("a database of the version before has everything, and takes parts", async () => {
  const name = freshName()
  const first = await openProfile(name)
  await first.write(ROOM, { room: utf8("keys"), timeline: stored([1, "hello"]) })
  first.close()
  const raw = await openDB(name)
  const [tables, kept] = [["keys", "rooms", "records", "timeline", "outbox"], new Map<string, unknown>()]
  for (const table of tables) kept.set(table, [await raw.getAllKeys(table), await raw.getAll(table)])
  raw.close()
  await deleteDB(name)
  const before = await openDB(name, 1, {
    upgrade: (database) => {
      for (const table of tables) database.createObjectStore(table)
    },
  })
  for (const [table, [keys, values]] of kept as Map<string, [IDBValidKey[], unknown[]]>)
    for (const [at, key] of keys.entries()) await before.put(table, values[at], key)
  before.close()
  const second = await openProfile(name)
  expect((await second.read(ROOM)).timeline).toEqual(stored([1, "hello"]))
  await second.write(ROOM, { parts: stored(["blob/0", "part"]) })
  expect(await second.part(ROOM, "blob/0")).toEqual(utf8("part"))
  second.close()
})
