/**
 * Everything that this device keeps of one room: the one place where it changes.
 *
 * A change is one transaction of the profile, and only when that is stored is it seen by anybody (PROTOCOL.md, section 8:
 * prepare, write, emit). Who changes something does so in a step of `alone`, from reading what it decides by until
 * `store` has returned.
 */

import { type Bytes, parseUtf8, utf8 } from "../base/bytes.ts"
import type { JsonObject } from "../protocol/canonical.ts"
import { KEY } from "../protocol/events.ts"
import { number, struct, text, type Value } from "../protocol/fields.ts"
import { pack, unpack } from "../protocol/msgpack.ts"
import type { Operation } from "../protocol/operations.ts"
import type { Entry } from "./contract.ts"
import { NotAllowed, Stopped } from "./errors.ts"
import { EMPTY_ITEM, encodeItem, ITEM, type Item, type Lane, parseItem } from "./items.ts"
import { COUNTERS, FAILED, STOPPED } from "./notes.ts"
import {
  encodeBlock,
  type Fact,
  type Gone,
  isFull,
  isMessage,
  type MessageEntry,
  type NewEntry,
  parseBlock,
  withoutText,
} from "./room/entries.ts"
import { loadView, noteView } from "./room/records.ts"
import { SEAT_KEYS, type SeatKeys } from "./room/seat_keys.ts"
import type { RoomView } from "./room/view.ts"
import type { Profile, Write } from "./store/profile.ts"
import { contentOf, encodeRow, type Row } from "./store/row.ts"
import { oneByOne } from "./turn.ts"

const NOTE = "note/"

const ABOUT = struct({ url: text(2048), recordKey: KEY, keys: SEAT_KEYS })

/** What is kept of a room beside its records: where it is, and the seat's keys. */
export interface About {
  readonly url: string
  readonly recordKey: Bytes
  readonly keys: SeatKeys
}

const encodeAbout = (about: About): Bytes => encodeRow("room", ABOUT, about)

/** The last place in the outbox, and the last intents, that were given away. */
const COUNTED = struct({ place: number, chat: number, governance: number })
type Counters = Value<typeof COUNTED>

const FAILURE = struct({ item: ITEM, code: text(64), time: number })

/** What will not be sent, kept so that nobody's words are lost. */
export type Failure = Value<typeof FAILURE>

export const encodeFailure = (failure: Failure): Bytes => pack(FAILURE.write(failure))
export const parseFailure = (note: Uint8Array): Failure => unpack(note, FAILURE.read)

/** What one transaction changes; what is not there stays. */
export interface Change {
  view?: RoomView
  about?: About
  readonly items: Item[]
  readonly dropItems: Set<number>
  readonly notes: Map<string, Bytes>
  readonly dropNotes: Set<string>
  readonly facts: Fact[]
  /** Messages, by id, whose time is over. */
  readonly expired: Set<string>
  /** Of attachments, by name; undefined takes one away. */
  readonly parts: Map<string, Bytes | undefined>
}

/** A change to be filled in. */
export const newChange = (parts: Partial<Change> = {}): Change => ({
  items: [],
  dropItems: new Set(),
  notes: new Map(),
  dropNotes: new Set(),
  facts: [],
  expired: new Set(),
  parts: new Map(),
  ...parts,
})

/** What a listener is told: the entries that are new or changed. */
export type Listener = (entries: readonly Entry[]) => void

interface Block {
  readonly from: number
  readonly entries: readonly Entry[]
}

/** One room's view, outbox, notes and timeline, in memory as they are stored. */
export class Ledger {
  #view: RoomView
  #about: About
  readonly #profile: Profile
  readonly #items: Map<number, Item>
  readonly #notes: Map<string, Bytes>
  readonly #entries: Entry[]
  /** Where the blocks of entries begin, the last one last. */
  readonly #blocks: number[]
  /** The number of a message, by its id. */
  readonly #messages = new Map<string, number>()
  readonly #listeners = new Set<Listener>()
  readonly #inTurn = oneByOne()
  #isClosed = false

  constructor(
    profile: Profile,
    about: About,
    view: RoomView,
    items: ReadonlyMap<number, Item>,
    notes: ReadonlyMap<string, Bytes>,
    blocks: readonly Block[],
  ) {
    this.#profile = profile
    this.#about = about
    this.#view = view
    this.#items = new Map(items)
    this.#notes = new Map(notes)
    this.#entries = blocks.flatMap(({ entries }) => entries)
    this.#blocks = blocks.map(({ from }) => from)
    for (const entry of this.#entries) if (isMessage(entry)) this.#messages.set(entry.id, entry.number)
  }

  // ---- what is asked
  get view(): RoomView {
    return this.#view
  }

  get about(): About {
    return this.#about
  }

  get keys(): SeatKeys {
    return this.#about.keys
  }

  /** What is to be sent, by place. */
  get items(): ReadonlyMap<number, Item> {
    return this.#items
  }

  get notes(): ReadonlyMap<string, Bytes> {
    return this.#notes
  }

  /** All that happened, by number. */
  get entries(): readonly Entry[] {
    return this.#entries
  }

  /** What is to be sent, in order. */
  waiting(): readonly Item[] {
    return [...this.#items.values()].sort((one, other) => one.place - other.place)
  }

  /** Why this room stopped, if it did. */
  get stopped(): Stopped | undefined {
    const note = this.#notes.get(STOPPED)
    return note === undefined ? undefined : new Stopped(parseUtf8(note))
  }

  /** Who wrote a message; undefined where this device never had it. */
  authorOf(message: string): string | undefined {
    return this.message(message)?.seat
  }

  message(id: string): MessageEntry | undefined {
    const entry = this.#entries[this.#messages.get(id) ?? -1]
    return entry !== undefined && isMessage(entry) ? entry : undefined
  }

  /** Why an item will not be sent, where that is so. */
  failure(place: number): Failure | undefined {
    const note = this.#notes.get(`${FAILED}${place}`)
    return note === undefined ? undefined : parseFailure(note)
  }

  /** Of an attachment that is on its way: undefined where it is not there. */
  part(name: string): Promise<Bytes | undefined> {
    return this.#profile.part(this.#view.id, name)
  }

  // ---- what is changed
  /** Runs a step when no other step of this room runs. A step does not wait for another one. */
  async alone<T>(step: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new NotAllowed("room-unknown")
    return this.#inTurn(step)
  }

  /** Runs no step that comes from now on; returns when what came before is stored. The profile may forget the room then. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#inTurn(async () => undefined)
  }

  /** Told after each change, until what is returned is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Whoever listens looks again: what is not kept here has changed. */
  tell(entries: readonly Entry[] = []): void {
    for (const listener of this.#listeners) listener(entries)
  }

  /** Writes a change, and shows it when it is stored. To be called in a step of `alone`. */
  async store(change: Change): Promise<void> {
    const blocks = this.#blocksAfter(change)
    await this.#profile.write(this.#view.id, this.#writeOf(change, blocks))
    this.tell(this.#adopt(change, blocks))
  }

  /** Stops the room for good, with what was right until here. */
  async stop(reason: Stopped, change: Change): Promise<void> {
    change.notes.set(STOPPED, utf8(reason.code))
    await this.store(change)
  }

  /** A new intent, stored when this returns, with a change beside it. To be called in a step of `alone`. */
  async enqueue(
    lane: Lane,
    type: string,
    body: JsonObject,
    operations: readonly Operation[] = [],
    change: Change = newChange(),
  ): Promise<Item> {
    const last = this.#counters()
    const counters = { ...last, place: last.place + 1, [lane]: last[lane] + 1 }
    const item = {
      ...EMPTY_ITEM,
      lane,
      type,
      body,
      operations,
      place: counters.place,
      number: counters[lane],
    }
    change.items.push(item)
    change.notes.set(COUNTERS, encodeCounters(counters))
    await this.store(change)
    return item
  }

  /** An item that has no envelope: a commit, or an operation alone. To be called in a step of `alone`. */
  async enqueuePlain(item: Item): Promise<void> {
    const last = this.#counters()
    const counters = { ...last, place: last.place + 1 }
    const change = newChange({ items: [{ ...item, place: counters.place }] })
    change.notes.set(COUNTERS, encodeCounters(counters))
    await this.store(change)
  }

  /** A place that nothing else has, given away with a change. To be called in the step of `alone` that stores it. */
  newPlace(change: Change): number {
    const last = this.#counters()
    const place = last.place + 1
    change.notes.set(COUNTERS, encodeCounters({ ...last, place }))
    return place
  }

  #counters(): Counters {
    const note = this.#notes.get(COUNTERS)
    return note === undefined ? { place: 0, chat: 0, governance: 0 } : unpack(note, COUNTED.read)
  }

  // ---- within
  #writeOf(change: Change, blocks: readonly Block[]): Write {
    const records = new Map<string, Bytes | undefined>()
    if (change.view !== undefined) noteView(records, this.#view, change.view)
    for (const name of change.dropNotes) records.set(NOTE + name, undefined)
    for (const [name, value] of change.notes) records.set(NOTE + name, value)
    const outbox = new Map<number, Bytes | undefined>(
      change.items.map((item) => [item.place, encodeItem(item)] as const),
    )
    for (const place of change.dropItems) outbox.set(place, undefined)
    return {
      ...(change.about === undefined ? {} : { room: encodeAbout(change.about) }),
      records,
      outbox,
      ...(change.parts.size > 0 && { parts: change.parts }),
      timeline: new Map(blocks.map(({ entries, from }) => [from, encodeBlock(entries)])),
    }
  }

  /** The blocks of entries that a change makes or changes. */
  #blocksAfter(change: Change): readonly Block[] {
    const changed = new Map<number, Entry>()
    const added: Entry[] = []
    const at = (number: number): Entry | undefined =>
      added[number - this.#entries.length] ?? changed.get(number) ?? this.#entries[number]
    for (const fact of change.facts)
      if (fact.kind === "retracted") this.#takeText(fact.message, "retracted", at, added, changed)
      else added.push(numbered(fact, this.#entries.length + added.length))
    for (const id of change.expired) this.#takeText(id, "expired", at, added, changed)
    return this.#cut(changed, added)
  }

  #takeText(
    id: string,
    gone: Gone,
    at: (number: number) => Entry | undefined,
    added: Entry[],
    changed: Map<number, Entry>,
  ): void {
    const fresh = added.findIndex((entry) => isMessage(entry) && entry.id === id)
    const number = fresh < 0 ? this.#messages.get(id) : this.#entries.length + fresh
    const entry = number === undefined ? undefined : at(number)
    if (number === undefined || entry === undefined || !isMessage(entry)) return
    if (fresh < 0) changed.set(number, withoutText(entry, gone))
    else added[fresh] = withoutText(entry, gone)
  }

  /** The blocks that changed entries stand in, and those that new ones make or lengthen. */
  #cut(changed: ReadonlyMap<number, Entry>, added: readonly Entry[]): readonly Block[] {
    const ends = [...this.#blocks.slice(1), this.#entries.length]
    const blocks = new Map<number, Entry[]>()
    const open = (at: number): Entry[] => {
      const from = this.#blocks[at] ?? 0
      const known = blocks.get(from) ?? this.#entries.slice(from, ends[at])
      blocks.set(from, known)
      return known
    }
    for (const [number, entry] of changed) {
      const at = this.#blocks.findLastIndex((from) => from <= number)
      open(at)[number - (this.#blocks[at] ?? 0)] = entry
    }
    let last = added.length === 0 ? [] : open(Math.max(0, this.#blocks.length - 1))
    for (const entry of added) {
      if (last.length > 0 && isFull(last)) {
        last = []
        blocks.set(entry.number, last)
      }
      last.push(entry)
    }
    return [...blocks].map(([from, entries]) => ({ from, entries }))
  }

  /** Returns the entries that are new or changed. */
  #adopt(change: Change, blocks: readonly Block[]): readonly Entry[] {
    if (change.view !== undefined) this.#view = change.view
    if (change.about !== undefined) this.#about = change.about
    for (const item of change.items) this.#items.set(item.place, item)
    for (const place of change.dropItems) this.#items.delete(place)
    for (const name of change.dropNotes) this.#notes.delete(name)
    for (const [name, value] of change.notes) this.#notes.set(name, value)
    const told = blocks.flatMap(({ entries }) =>
      entries.filter((entry) => this.#entries[entry.number] !== entry),
    )
    for (const entry of told) {
      this.#entries[entry.number] = entry
      if (isMessage(entry)) this.#messages.set(entry.id, entry.number)
    }
    for (const { from } of blocks) if (!this.#blocks.includes(from)) this.#blocks.push(from)
    return told
  }
}

const encodeCounters = (counters: Counters): Bytes => pack(COUNTED.write(counters))

const numbered = (entry: NewEntry, number: number): Entry => ({ ...entry, number })

/** What a room begins with on this device. */
interface Beginning {
  readonly items?: readonly Item[]
  readonly facts?: readonly NewEntry[]
  readonly notes?: ReadonlyMap<string, Bytes>
}

/** A room that this profile did not have. */
export async function createLedger(
  profile: Profile,
  about: About,
  view: RoomView,
  { items = [], facts = [], notes = new Map() }: Beginning = {},
): Promise<Ledger> {
  const records = new Map<string, Bytes | undefined>()
  noteView(records, undefined, view)
  const last = items.reduce((most, item) => Math.max(most, item.place), 0)
  const kept = new Map([...notes, [COUNTERS, encodeCounters({ place: last, chat: 0, governance: last })]])
  for (const [name, value] of kept) records.set(NOTE + name, value)
  const entries = facts.map(numbered)
  const blocks: readonly Block[] = entries.length === 0 ? [] : [{ from: 0, entries }]
  await profile.write(view.id, {
    room: encodeAbout(about),
    records,
    outbox: new Map(items.map((item) => [item.place, encodeItem(item)])),
    timeline: new Map(blocks.map((block) => [block.from, encodeBlock(block.entries)])),
  })
  const waiting = new Map(items.map((item) => [item.place, item]))
  return new Ledger(profile, about, view, waiting, kept, blocks)
}

/** A room as the profile has it; `row`, of kind `room`, is what its table of rooms has. Throws `profile-damaged`. */
export async function loadLedger(profile: Profile, room: string, row: Row): Promise<Ledger> {
  const { outbox, records, timeline } = await profile.read(room)
  const about = contentOf(row, ABOUT)
  const notes = [...records].filter(([name]) => name.startsWith(NOTE))
  return new Ledger(
    profile,
    about,
    loadView(records),
    new Map([...outbox].map(([place, stored]) => [place, parseItem(stored)])),
    new Map(notes.map(([name, value]) => [name.slice(NOTE.length), value])),
    [...timeline].map(([from, row]) => ({ from, entries: parseBlock(from, row) })),
  )
}
