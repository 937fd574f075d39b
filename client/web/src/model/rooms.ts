/** The profile's rooms: each with its ledger and its connection, from when it is stored until it is forgotten. */

import { Connecting } from "./connecting.ts"
import type { Entry, RoomLine, RoomNow } from "./contract.ts"
import type { Desk } from "./desk.ts"
import { NotAllowed } from "./errors.ts"
import { sweep } from "./expiry.ts"
import type { Later } from "./later.ts"
import { type Ledger, loadLedger } from "./ledger.ts"
import { roomLine, roomNow } from "./shown.ts"
import type { Profile } from "./store/profile.ts"
import { parseRow } from "./store/row.ts"
import type { Clock } from "./time.ts"
import { oneByOne } from "./turn.ts"
import { dropUnwhole } from "./uploads.ts"

interface Room {
  readonly desk: Desk
  readonly live: Connecting
  readonly running: Promise<void>
  readonly unlisten: () => void
}

/** Told when something of a room has changed: with the entries that are new or changed, of which the first new one. */
export type RoomListener = (room: string, entries: readonly Entry[], firstNew: number) => void

export class Rooms {
  readonly #profile: Profile
  readonly #clock: Clock
  readonly #later: Later
  readonly #listener: RoomListener
  readonly #rooms = new Map<string, Room>()
  /** Rooms whose rows cannot be read. */
  readonly #damaged = new Set<string>()
  readonly #forgetting = oneByOne()

  constructor(profile: Profile, clock: Clock, later: Later, listener: RoomListener) {
    this.#profile = profile
    this.#clock = clock
    this.#later = later
    this.#listener = listener
  }

  /** Takes up every room that the profile has, and connects it. */
  async load(rows: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await Promise.all([...rows].map(([id, row]) => this.#load(id, row)))
  }

  async #load(id: string, data: Uint8Array): Promise<void> {
    if (this.#rooms.has(id)) return
    try {
      const row = parseRow(data)
      if (row.kind !== "room") return
      const ledger = await loadLedger(this.#profile, id, row)
      await dropUnwhole(ledger)
      await sweep(ledger, Math.max(ledger.view.time, this.#clock()))
      this.take(ledger)
    } catch {
      this.#damaged.add(id) // the other rooms open all the same
    }
  }

  // ---- what is asked
  get lines(): readonly RoomLine[] {
    const whole = [...this.#rooms.values()].map(({ desk, live }) => roomLine(desk, live))
    return [...whole, ...[...this.#damaged].map(damagedLine)]
  }

  has(room: string): boolean {
    return this.#rooms.has(room)
  }

  /** The own seat in a room; undefined where there is none, or it cannot be read. */
  seatIn(room: string): string | undefined {
    return this.#rooms.get(room)?.desk.ledger.view.own
  }

  now(room: string): RoomNow {
    const { desk, live } = this.#at(room)
    return roomNow(desk, live)
  }

  desk(room: string): Desk {
    return this.#at(room).desk
  }

  #at(room: string): Room {
    if (this.#damaged.has(room)) throw new NotAllowed("profile-damaged")
    const found = this.#rooms.get(room)
    if (found === undefined) throw new NotAllowed("room-unknown")
    return found
  }

  // ---- what is done
  /** A room that is stored now: it is connected. */
  take(ledger: Ledger): void {
    const { id } = ledger.view
    if (this.#rooms.has(id)) return
    const live = new Connecting(ledger, this.#clock, this.#later)
    const desk = { ledger, clock: this.#clock, wake: () => live.wake() }
    let known = ledger.entries.length
    const unlisten = ledger.listen((entries) => {
      const firstNew = known
      known = ledger.entries.length
      this.#listener(id, entries, firstNew)
    })
    const running = live.run().then((isWhole) => {
      if (!isWhole) this.#damage(id)
    })
    this.#rooms.set(id, { desk, live, unlisten, running })
    this.#listener(id, [], known)
  }

  /** What the room keeps cannot be read, as it turns out. */
  #damage(id: string): void {
    this.#rooms.get(id)?.unlisten()
    this.#rooms.delete(id)
    this.#damaged.add(id)
    this.#listener(id, [], 0)
  }

  /** Until the room's first event is in the log. Throws what hinders it. */
  async begun(room: string): Promise<void> {
    const { desk, live } = this.#at(room)
    const { ledger } = desk
    const isDecided = () =>
      ledger.view.state !== null || ledger.items.size === 0 || live.connection === "over"
    await until(ledger, isDecided)
    if (ledger.view.state === null) throw live.error ?? new NotAllowed("room-not-made")
  }

  /** The network changed: every room connects anew. */
  reconnect(): void {
    for (const { live } of this.#rooms.values()) live.reconnect()
  }

  /** What is over leaves this device; a closed room's keys too, when nothing is left to do with them. */
  async tidy(): Promise<void> {
    for (const [id, { desk, live }] of this.#rooms) {
      const now = Math.max(desk.ledger.view.time, this.#clock())
      await sweep(desk.ledger, now)
      // without its code it is not connected either
      if (this.has(id) && (await this.#later.here?.endRoom(desk.ledger, now))) live.reconnect()
    }
  }

  /** Leaves nothing of a room on this device: when this returns, it may be entered anew. */
  forget(room: string): Promise<void> {
    return this.#forgetting(async () => {
      const found = this.#rooms.get(room)
      this.#rooms.delete(room)
      this.#damaged.delete(room)
      if (found !== undefined) await close(found)
      await this.#profile.forget(room)
      this.#listener(room, [], 0)
    })
  }

  /** Ends all connections; what waits is sent when the profile is opened again. */
  async end(): Promise<void> {
    const all = [...this.#rooms.values()]
    this.#rooms.clear()
    await Promise.all(all.map(close))
  }
}

async function close({ desk, live, running, unlisten }: Room): Promise<void> {
  unlisten()
  live.end()
  await running
  await desk.ledger.close() // what is being written is stored, and nothing after it
}

function until(ledger: Ledger, holds: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (holds()) resolve()
  }
  const unlisten = ledger.listen(look)
  look()
  return promise.finally(unlisten)
}

const damagedLine = (id: string): RoomLine => ({
  id,
  title: "",
  connection: "over",
  unread: 0,
  waiting: 0,
  knocking: 0,
  trouble: { code: "profile-damaged" },
  isOver: true,
  time: 0,
})
