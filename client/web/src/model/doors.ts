/** What leads into rooms: knocks, host links, rooms in the making. All of it goes on when the profile is opened again. */

import { b64u } from "../base/bytes.ts"
import type { Host } from "./connection/host.ts"
import type { HostLine, KnockLine, RoomWish } from "./contract.ts"
import { type Admitted, historyEntry } from "./entering.ts"
import { ClientError, NotAllowed, ServerRefused } from "./errors.ts"
import { HOST_LINK, type HostLink, parseHostLink, placeOfHost } from "./hosting.ts"
import { generateKnocker, KNOCKER, type Knocker, mailboxOf } from "./joining.ts"
import { Door } from "./knocking.ts"
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
  readonly #end = new AbortController()
  readonly #wake = new Signal()
  /** Makes what was not finished. */
  #finishing: Promise<void> | undefined
  /** Rooms are made one after another: nobody makes one twice. */
  readonly #establishing = oneByOne()
  /** From looking for one that is there already until a new one is: two equal calls at once ask for one thing. */
  readonly #knocking = oneByOne()
  readonly #wishing = oneByOne()

  constructor(world: DoorsWorld) {
    this.#world = world
  }

  /** Takes up every knock, host link and room in the making that the profile has, rooms themselves aside. */
  load(rows: ReadonlyMap<string, Uint8Array>): void {
    for (const [place, data] of rows) if (!this.#isKnown(place)) this.#load(place, data)
    this.#finishing ??= this.#keepMaking()
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

  /** The knock is forgotten when the room is stored, and not before: a crash between them finds both. */
  async #enter(place: string, knocker: Knocker, admitted: Admitted): Promise<void> {
    const { profile, rooms } = this.#world
    const { keys, recordKey, view } = admitted
    if (!rooms.has(view.id)) {
      const about = { url: knocker.serverUrl, recordKey, keys }
      rooms.take(await createLedger(profile, about, view, { facts: [historyEntry(view)] }))
    }
    await profile.forget(place)
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

  /**
   * A new room, whose first event is in the log when this returns its id. Where the server is away, it is made when it is
   * back; whoever asks for the same meanwhile gets the same room, not a second one.
   */
  async createRoom(wish: RoomWish): Promise<string> {
    const [, link] = this.#hostAt(wish.url)
    const making = await this.#wishing(() => this.#wished(link, wish))
    const place = b64u(making.room)
    await this.#make(place, making)
    return place
  }

  async #wished(link: HostLink, wish: RoomWish): Promise<Making> {
    const asked = [...this.#makings.values()].find((one) => isWished(one, link, wish))
    const fresh = asked ?? (await generateMaking(link, wish, this.#world.clock()))
    const making = { ...fresh, token: link.token }
    this.#makings.set(b64u(making.room), making)
    return making
  }

  /** Asks the server, and waits for the room's first event. Throws what hinders it. */
  async #make(place: string, making: Making): Promise<void> {
    const { rooms } = this.#world
    await this.#establishing(() => this.#establish(place, making))
    try {
      await rooms.begun(place)
    } catch (error) {
      if (!(error instanceof ServerRefused && NOT_OURS.includes(error.code))) throw error
      await rooms.forget(place)
      throw new NotAllowed("room-exists")
    }
  }

  /** The Making is kept before the server is asked, and never where the room has its place already. */
  async #establish(place: string, making: Making): Promise<void> {
    const { clock, hostAt, profile, rooms } = this.#world
    if (rooms.has(place)) return
    this.#makings.set(place, making)
    await profile.write(place, { room: encodeRow("making", MAKING, making) })
    try {
      const recordKey = await askForRoom(hostAt(making.url), making)
      rooms.take(await establish(profile, making, recordKey, clock()))
      this.#makings.delete(place)
    } catch (error) {
      if (error instanceof ServerRefused) await this.#unmake(place)
      throw error
    }
  }

  /** Until no room is unfinished, or all that are have been given up. */
  async #keepMaking(): Promise<void> {
    try {
      while (this.#makings.size > 0) {
        for (const [place, making] of this.#makings) await this.#tryAgain(place, making)
        await this.#wake.wait(MAKE_AGAIN_MS)
        this.#end.signal.throwIfAborted()
      }
    } catch {
      // the profile is closed
    }
    this.#finishing = undefined
  }

  async #tryAgain(place: string, making: Making): Promise<void> {
    await this.#make(place, making).catch(() => undefined) // whoever asks for it again is told why
    const isOver = this.#world.clock() > making.asked + MAKING_S
    if (isOver && this.#makings.has(place)) await this.#unmake(place)
  }

  /** The server will not make it: nothing of it stays. */
  async #unmake(place: string): Promise<void> {
    this.#makings.delete(place)
    await this.#world.profile.forget(place)
  }
}
