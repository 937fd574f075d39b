/** What leads into rooms: knocks, host links, rooms in the making. All of it goes on when the profile is opened again. */

import { b64u } from "../base/bytes.ts"
import type { Host } from "./connection/host.ts"
import type { HostLine, KnockLine, MakingLine, RoomWish } from "./contract.ts"
import { type Admitted, historyEntry } from "./entering.ts"
import { ClientError, NotAllowed, ServerRefused } from "./errors.ts"
import { HOST_LINK, type HostLink, parseHostLink, placeOfHost } from "./hosting.ts"
import { generateKnocker, KNOCKER, type Knocker, mailboxOf } from "./joining.ts"
import { Door, isForLater } from "./knocking.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import {
  askForRoom,
  establish,
  generateMaking,
  isWished,
  MAKING,
  MAKING_S,
  type Making,
  NOT_OURS,
  titleOf,
} from "./making.ts"
import { Signal } from "./signal.ts"
import type { Profile } from "./store/profile.ts"
import { contentOf, encodeRow, parseRow } from "./store/row.ts"
import type { Clock } from "./time.ts"
import { oneByOne } from "./turn.ts"

/** How long to wait before a room that could not be made is tried again. */
const MAKE_AGAIN_MS = 30_000

/** The profile's rooms, as doors need them. */
export interface Rooms {
  has(room: string): boolean
  /** The seat that this profile has in a room; undefined where it has none, or cannot read it. */
  seatIn(room: string): string | undefined
  /** A room that is stored now: it is connected. */
  take(ledger: Ledger): void
  /** Until the room's first event is in the log. Throws what hinders it. */
  begun(room: string): Promise<void>
  /** Leaves nothing of a room on this device. */
  forget(room: string): Promise<void>
}

export interface DoorsWorld {
  readonly profile: Profile
  readonly rooms: Rooms
  readonly hostAt: (url: string) => Host
  readonly clock: Clock
  /** How long to wait between two looks into a mailbox; undefined: as long as it is usual. */
  readonly lookMs: number | undefined
  /** Something of the lobby has changed. */
  readonly tell: () => void
}

export class Doors {
  readonly #world: DoorsWorld
  readonly #knocks = new Map<string, Door>()
  readonly #hosts = new Map<string, HostLink>()
  readonly #makings = new Map<string, Making>()
  /** What the server would not make while nobody was told, until the page is loaded again. */
  readonly #refused: MakingLine[] = []
  readonly #end = new AbortController()
  readonly #wake = new Signal()
  /** Whether what was not finished is being made. */
  #isFinishing = false
  /** Rooms are made one after another: nobody makes one twice. */
  readonly #establishing = oneByOne()
  /** From looking for one that is there already until a new one is: two equal calls at once ask for one thing. */
  readonly #knocking = oneByOne()
  readonly #wishing = oneByOne()
  /** From looking whether a room is here until it is: two links may lead to one room at once. */
  readonly #entering = oneByOne()

  constructor(world: DoorsWorld) {
    this.#world = world
  }

  /** Takes up every knock, host link and room in the making that the profile has, rooms themselves aside. */
  load(rows: ReadonlyMap<string, Uint8Array>): void {
    for (const [place, data] of rows) if (!this.#isKnown(place)) this.#load(place, data)
    if (this.#makings.size > 0) this.#wake.set()
    void this.#finish()
  }

  #isKnown(place: string): boolean {
    return this.#knocks.has(place) || this.#hosts.has(place) || this.#makings.has(place)
  }

  #load(place: string, data: Uint8Array): void {
    try {
      const row = parseRow(data)
      if (row.kind === "knock") this.#takeUp(place, contentOf(row, KNOCKER))
      if (row.kind === "making") this.#makings.set(place, contentOf(row, MAKING))
      if (row.kind === "host") this.#hosts.set(place, contentOf(row, HOST_LINK))
    } catch {
      // a row that cannot be read: the others are taken up all the same
    }
  }

  /** Nothing more is sent; what is stored goes on when the profile is opened again. */
  end(): void {
    this.#end.abort(new ClientError("closed"))
    this.#wake.set()
    for (const door of this.#knocks.values()) door.leave()
  }

  /** The network is back: what waits for a server is tried at once. */
  look(): void {
    this.#wake.set()
    for (const door of this.#knocks.values()) door.look()
  }

  // ---- knocking

  get knocks(): readonly KnockLine[] {
    return [...this.#knocks].map(([place, door]) => door.line(place))
  }

  /**
   * Knocks at the door that a link leads to, under a name. Returns the knock's id; it goes on by itself. Of a link at which
   * it is knocked already, that knock; one that failed is tried again, with the same keys where the name is the same.
   */
  knock(link: string, name: string): Promise<string> {
    return this.#knocking(() => this.#knock(link, name))
  }

  async #knock(link: string, name: string): Promise<string> {
    const { clock, hostAt } = this.#world
    const fresh = await generateKnocker(link, name, clock())
    const host = hostAt(fresh.serverUrl)
    const place = mailboxOf(fresh)
    const known = this.#knocks.get(place)
    const line = known?.line(place)
    if (line !== undefined && line.stage !== "failed") return place
    const knocker = line?.name === name ? (known?.knocker ?? fresh) : fresh
    await this.#keep(place, knocker)
    this.#wait(place, host, knocker)
    this.#world.tell()
    return place
  }

  /** Leaves nothing of a knock on this device. */
  forgetKnock(place: string): Promise<void> {
    return this.#knocking(async () => {
      this.#knocks.get(place)?.leave()
      this.#knocks.delete(place)
      await this.#world.profile.forget(place)
      this.#world.tell()
    })
  }

  #wait(place: string, host: Host, knocker: Knocker): void {
    const { clock, lookMs, tell } = this.#world
    const doorstep = {
      keep: (changed: Knocker) => this.#keep(place, changed),
      enter: (known: Knocker, admitted: Admitted) => this.#enter(place, known, admitted),
      tell,
    }
    const door = new Door(host, knocker, doorstep, clock, lookMs)
    this.#knocks.set(place, door)
    void door.run()
  }

  #takeUp(place: string, knocker: Knocker): void {
    this.#wait(place, this.#world.hostAt(knocker.serverUrl), knocker)
  }

  #keep(place: string, knocker: Knocker): Promise<void> {
    return this.#world.profile.write(place, { room: encodeRow("knock", KNOCKER, knocker) })
  }

  /**
   * The knock is forgotten when the room is stored, and not before: a crash between them finds both. Where this profile has
   * another seat in the room, that one stays, and this one's keys too: throws `entered-before`.
   */
  #enter(place: string, knocker: Knocker, admitted: Admitted): Promise<void> {
    return this.#entering(async () => {
      const { profile, rooms } = this.#world
      const { keys, recordKey, view } = admitted
      if (!rooms.has(view.id)) {
        await rooms.forget(view.id) // of what was here before, and cannot be read
        const about = { url: knocker.serverUrl, recordKey, keys }
        rooms.take(await createLedger(profile, about, view, { facts: [historyEntry(view)] }))
      } else if (rooms.seatIn(view.id) !== view.own) throw new NotAllowed("entered-before")
      await profile.forget(place)
    })
  }

  /** A room was forgotten: whoever was let into it once more comes in now. */
  enterAgain(): void {
    for (const [place, door] of this.#knocks)
      if (door.line(place).reason?.code === "entered-before") this.#takeUp(place, door.knocker)
  }

  // ---- hosts

  get hosts(): readonly HostLine[] {
    return [...this.#hosts.values()].map(({ url }) => ({ url }))
  }

  /** Keeps a server's host link, or a room token; a newer one of the same server takes its place. */
  async rememberHost(link: string): Promise<HostLine> {
    const parsed = parseHostLink(link)
    const known = { ...parsed, url: this.#world.hostAt(parsed.url).url }
    const place = placeOfHost(known)
    await this.#world.profile.write(place, { room: encodeRow("host", HOST_LINK, known) })
    this.#hosts.set(place, known)
    this.#world.tell()
    return { url: known.url }
  }

  /** Leaves nothing of a host link here; on the server it goes on working. */
  async forgetHost(url: string): Promise<void> {
    const [place] = this.#hostAt(url)
    await this.#world.profile.forget(place)
    this.#hosts.delete(place)
    this.#world.tell()
  }

  #hostAt(url: string): readonly [string, HostLink] {
    const found = [...this.#hosts].find(([, link]) => link.url === url)
    if (found === undefined) throw new NotAllowed("host-unknown")
    return found
  }

  // ---- making rooms

  /** Rooms that wait for their server, and those that it would not make. */
  get makings(): readonly MakingLine[] {
    const waiting = [...this.#makings].map(([id, making]) => lineOf(id, making, "room-waits"))
    return [...waiting, ...this.#refused]
  }

  /**
   * A new room, whose first event is in the log when this returns its id. Where the server is away, it is made when it is
   * back; whoever asks for the same meanwhile gets the same room, not a second one.
   */
  async createRoom(wish: RoomWish): Promise<string> {
    const [, link] = this.#hostAt(wish.url)
    const making = await this.#wishing(() => this.#wished(link, wish))
    const place = b64u(making.room)
    try {
      await this.#establish(place, making)
    } catch (error) {
      throw isForLater(error) ? new NotAllowed("room-waits") : error
    } finally {
      void this.#finish()
    }
    await this.#begin(place)
    return place
  }

  async #wished(link: HostLink, wish: RoomWish): Promise<Making> {
    const asked = [...this.#makings.values()].find((one) => isWished(one, link, wish))
    const fresh = asked ?? (await generateMaking(link, wish, this.#world.clock()))
    const making = { ...fresh, token: link.token }
    this.#makings.set(b64u(making.room), making)
    return making
  }

  /** Waits for the room's first event. Throws what hinders it. */
  async #begin(place: string): Promise<void> {
    const { rooms } = this.#world
    try {
      await rooms.begun(place)
    } catch (error) {
      if (!(error instanceof ServerRefused && NOT_OURS.includes(error.code))) throw error
      await rooms.forget(place)
      throw new NotAllowed("room-exists")
    }
  }

  /** Asks the server. The Making is kept before that, and never where the room has its place already. */
  #establish(place: string, making: Making): Promise<void> {
    return this.#establishing(async () => {
      const { clock, hostAt, profile, rooms, tell } = this.#world
      if (rooms.has(place)) return
      this.#makings.set(place, making)
      try {
        await profile.write(place, { room: encodeRow("making", MAKING, making) })
        const recordKey = await askForRoom(hostAt(making.url), making)
        rooms.take(await establish(profile, making, recordKey, clock()))
        this.#makings.delete(place)
      } catch (error) {
        if (error instanceof ServerRefused && !isForLater(error)) await this.#unmake(place)
        throw error
      } finally {
        tell()
      }
    })
  }

  /** Makes what waits for a server, again and again, until no room is unfinished, or all that are have been given up. */
  async #finish(): Promise<void> {
    if (this.#isFinishing) return
    this.#isFinishing = true
    while (this.#makings.size > 0) {
      await this.#wake.wait(MAKE_AGAIN_MS)
      if (this.#end.signal.aborted) return
      for (const [place, making] of this.#makings) await this.#tryAgain(place, making).catch(() => undefined)
    }
    this.#isFinishing = false
  }

  /** Throws where this profile does not store. */
  async #tryAgain(place: string, making: Making): Promise<void> {
    try {
      await this.#establish(place, making)
      void this.#begin(place).catch(() => undefined) // the room's line in the lobby says why
    } catch (error) {
      const isOver = this.#world.clock() > making.asked + MAKING_S
      if (this.#makings.has(place) && !isOver) return
      const code = error instanceof ServerRefused ? error.code : "room-not-made"
      this.#refused.push(lineOf(place, making, code))
      await this.#unmake(place)
      this.#world.tell()
    }
  }

  /** The server will not make it: nothing of it stays. */
  async #unmake(place: string): Promise<void> {
    this.#makings.delete(place)
    await this.#world.profile.forget(place)
  }
}

const lineOf = (id: string, making: Making, code: string): MakingLine => ({
  id,
  title: titleOf(making),
  reason: { code },
})
