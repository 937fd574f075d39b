/**
 * A room on the wire: connects, takes what comes, sends what waits, for ever (PROTOCOL.md, sections 4 and 5).
 *
 * One task reads, one writes. Whatever breaks the connection, the next one goes on where the ledger says; what was not
 * answered goes out again with the same bytes.
 */

import { equal } from "../base/bytes.ts"
import { EventKind } from "../protocol/events.ts"
import type { ClientFrame, ServerFrame } from "../protocol/frames.ts"
import { fingerprint } from "../protocol/keys.ts"
import { originOf, verifyCheckpoint } from "../protocol/record/note.ts"
import { openPipe } from "./connection/pipe.ts"
import { type Place, Session } from "./connection/session.ts"
import type { Connection, Reason } from "./contract.ts"
import { doOwnDuties, isSeenDue, isWanted, renews, tellSeen } from "./duties.ts"
import { ClientError, NotAllowed, ServerRefused, ServerUnreachable, Stopped } from "./errors.ts"
import type { Facilitation } from "./facilitation/seams.ts"
import { giveUp, take } from "./inbox.ts"
import { type Item, isPath, isVoiding } from "./items.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { LETTER, parsePending } from "./notes.ts"
import { isAnswered, writeItem } from "./outbox.ts"
import type { StopCode } from "./room/checks.ts"
import { isLeftBehind, isSkipping } from "./room/view.ts"
import { Signal } from "./signal.ts"
import * as waiting from "./waiting.ts"

const FIRST_BACKOFF_MS = 250
const LAST_BACKOFF_MS = 30_000
/** How often the pause doubles, where a server says `stale-epoch` and shows nothing new. */
const MAX_DOUBLINGS = 7
/** How often it is looked whether time alone has made something due. */
const DUTIES_MS = 600_000
/** How often the others are told at most what this person has seen. */
const SEEN_MS = 3000
/** How long a Submit may stay unanswered, besides the time that it takes on the slowest line. */
const ANSWER_MS = 20_000
const SLOWEST_BYTES_A_MS = 2
/** No program in a browser sees the server's pings: after so much silence it connects anew. */
const SILENCE_MS = 300_000

/** Milliseconds of a clock that nobody sets, for waiting; seconds since 1970, for the room. */
export interface Clock {
  readonly nowMs: () => number
  readonly nowS: () => number
}

export const CLOCK: Clock = {
  nowMs: () => performance.now(),
  nowS: () => Math.floor(Date.now() / 1000),
}

type Events = Extract<ServerFrame, { readonly type: "Events" }>
type Refused = Extract<ServerFrame, { readonly type: "Refused" }>

/** One room's tasks. `run` ends when the seat is out, or the room stopped. */
export class LiveRoom {
  readonly #ledger: Ledger
  readonly #facilitation: Facilitation
  readonly #clock: Clock
  readonly #wake = new Signal()
  readonly #hurry = new Signal()
  #error: ClientError | undefined
  #session: Session | undefined
  #isAttached = false
  #isLive = false
  #isEnding = false
  #inFlight: { readonly item: Item; readonly until: number } | undefined
  #held = new Map<Item["lane"], waiting.Hold>()
  #mailed = new Set<string>()
  #confirms = false
  #dutiesAt = 0
  #seenAt = 0
  #heardAt = 0

  constructor(ledger: Ledger, facilitation: Facilitation, clock: Clock = CLOCK) {
    this.#ledger = ledger
    this.#facilitation = facilitation
    this.#clock = clock
  }

  /** Why the room is not connected any more and will not be, where that is so. */
  get error(): ClientError | undefined {
    return this.#ledger.stopped ?? this.#error
  }

  get connection(): Connection {
    if (this.error !== undefined || this.#isEnding) return "over"
    if (!this.#isAttached) return "connecting"
    return this.#isLive ? "live" : "catching-up"
  }

  /** Connects again and again. Returns; `error` says why, where it was not asked to end. */
  async run(): Promise<void> {
    for (let backoff = FIRST_BACKOFF_MS; !this.#isEnding; backoff = Math.min(2 * backoff, LAST_BACKOFF_MS)) {
      this.#error = await this.#connectOnce()
      if (this.#error !== undefined || this.#isEnding) break
      if (this.#isAttached) backoff = FIRST_BACKOFF_MS
      this.#isAttached = false
      this.#ledger.tell()
      await this.#hurry.wait(backoff * (0.5 + Math.random()))
    }
    this.#isAttached = false
    this.#ledger.tell()
  }

  /** `run` returns, and connects no more. */
  end(): void {
    this.#isEnding = true
    this.#session?.close()
    this.#hurry.set()
    this.#wake.set()
  }

  /** There is something to send. */
  wake(): void {
    this.#wake.set()
    this.#hurry.set()
  }

  /** The network changed: what was connected is not believed, and nothing is waited for. */
  reconnect(): void {
    this.#session?.close()
    this.#hurry.set()
  }

  /** What an item of the outbox waits for now. */
  whyWaiting(item: Item): Reason {
    const { items, view } = this.#ledger
    if (this.error !== undefined) return { code: this.error.code }
    if (!this.#isAttached) return waiting.UNREACHABLE
    if (!this.#isLive) return waiting.CATCHING_UP
    if (this.#inFlight?.item.place === item.place) return waiting.ON_ITS_WAY
    if (isSkipping(view) && !isVoiding(item))
      return isLeftBehind(view) ? waiting.LEFT_BEHIND : waiting.SKIPPED
    const hold = this.#held.get(item.lane)
    if (hold !== undefined && hold.until > this.#clock.nowMs()) return waiting.reasonOf(hold)
    return item.place === Math.min(...items.keys()) ? waiting.ON_ITS_WAY : waiting.EARLIER
  }

  // ---- one connection

  /** Until the connection breaks. Returns what makes another one useless. */
  async #connectOnce(): Promise<ClientError | undefined> {
    try {
      if (this.#ledger.stopped !== undefined) return this.#ledger.stopped
      this.#requirePresent()
      await this.#connected()
    } catch (error) {
      if (error instanceof Stopped) return error
      if (
        error instanceof ServerRefused &&
        waiting.FINAL.has(error.code) &&
        !this.#isCutOffBySkipped(error.code)
      )
        return error
      if (!(error instanceof ClientError)) return new ClientError("internal")
    }
    return undefined
  }

  async #connected(): Promise<void> {
    const session = new Session(await openPipe(this.#ledger.about.url))
    this.#session = session
    try {
      if (this.#isEnding) return
      const attached = await session.attach(this.#place())
      if (attached.head < this.#ledger.view.seq) await this.#stop("log-shorter")
      await this.#checkRecord(attached.checkpoint)
      this.#isAttached = true
      this.#isLive = false
      this.#inFlight = undefined
      this.#mailed = new Set()
      this.#held = new Map()
      this.#heardAt = this.#clock.nowMs()
      this.#ledger.tell()
      await this.#both(session)
    } finally {
      this.#isLive = false
      this.#session = undefined
      session.close()
    }
  }

  /** Reads and writes until one of them ends; throws what ended it, when the other has ended too. */
  async #both(session: Session): Promise<void> {
    const tasks = [this.#read(session), this.#write(session)]
    try {
      await Promise.race(tasks)
    } finally {
      session.close()
      this.#wake.set()
      await Promise.allSettled(tasks)
    }
  }

  #place(): Place {
    const { about, keys, view } = this.#ledger
    return {
      room: view.room,
      seat: view.seat,
      seatKey: keys.seatKey,
      recordKeyFingerprint: fingerprint(about.recordKey),
      cursor: view.seq,
    }
  }

  /** Throws ServerRefused where there is nothing more to be had or to be said. */
  #requirePresent(): void {
    const { presence } = this.#ledger.view
    if (presence === "ended") throw new ServerRefused("room-ended")
    if (presence !== "present") throw new ServerRefused("removed")
  }

  /** Whether the server cut this seat off for a commit that no member took: it will be taken back. */
  #isCutOffBySkipped(code: string): boolean {
    const { clear, own, presence } = this.#ledger.view
    return code === "removed" && presence === "present" && clear.gone.has(own)
  }

  /** The signed checkpoint is of this room's record; it may be of a log that is further. */
  async #checkRecord(note: string): Promise<void> {
    const { about, view } = this.#ledger
    let body: ReturnType<typeof verifyCheckpoint>
    try {
      body = verifyCheckpoint(note, originOf(view.room), about.recordKey)
    } catch {
      return this.#stop("record-differs")
    }
    const known = view.window.findLast((one) => one.recordSize === body.size)
    if (known !== undefined && !equal(known.recordRoot, body.root)) await this.#stop("record-differs")
  }

  async #stop(code: StopCode): Promise<never> {
    const reason = new Stopped(code)
    const { own, time } = this.#ledger.view
    await this.#ledger.alone(() =>
      this.#ledger.stop(reason, newChange({ facts: [{ kind: "stopped", seq: 0, time, seat: own, code }] })),
    )
    throw reason
  }

  // ---- reading

  async #read(session: Session): Promise<void> {
    for (;;) {
      const frame = await session.receive()
      this.#heardAt = this.#clock.nowMs()
      await this.#obey(session, frame)
      this.#wake.set()
    }
  }

  async #obey(session: Session, frame: ServerFrame): Promise<void> {
    switch (frame.type) {
      case "Events":
        return this.#take(session, frame)
      case "Refused":
        return this.#refused(frame)
      case "Mail": {
        const answer = await this.#facilitation.takeMail(this.#ledger, frame, this.#clock.nowS())
        if (answer !== undefined) session.send({ ...answer, type: "Mail" })
        return
      }
      case "Checkpoint":
        return this.#checkRecord(frame.note)
      default:
        return // an Ack needs no deed: the event itself follows it
    }
  }

  async #take(session: Session, { events, live }: Events): Promise<void> {
    const before = this.#ledger.view.seq
    const known = this.#ledger.entries.length
    await take(this.#ledger, events, this.#facilitation.admit)
    const { entries, items, view } = this.#ledger
    if (this.#inFlight !== undefined && !items.has(this.#inFlight.item.place)) this.#inFlight = undefined
    this.#confirms ||= entries.slice(known).some((one) => one.kind === "joined" && one.seat !== view.own)
    if (live && !this.#isLive) {
      this.#isLive = true
      this.#ledger.tell()
    }
    if (events.some((event) => event.kind === EventKind.CONTROL))
      this.#held = new Map([...this.#held].filter(([, hold]) => !waiting.HELD_BY_ROOM.has(hold.code)))
    if (view.seq > before) session.send({ type: "Cursor", seq: view.seq })
    this.#requirePresent()
  }

  /** What is final leaves the outbox and is told; the rest is sent again. */
  async #refused(frame: Refused): Promise<void> {
    const item = this.#inFlight?.item
    if (item === undefined || frame.id === null || !isAnswered(item, frame.id)) return
    this.#inFlight = undefined
    await this.#ledger.alone(() => this.#answer(item, frame))
  }

  async #answer(item: Item, { code, retryAfterS }: Refused): Promise<void> {
    const ledger = this.#ledger
    if (!ledger.items.has(item.place)) return
    if (waiting.LATER.has(code)) this.#hold(item, code, Math.max(1, retryAfterS ?? 1) * 1000)
    else if (waiting.AGAIN.has(code)) {
      await ledger.store(newChange({ items: [{ ...item, submit: null }] }))
      const last = item.attempts.at(-1)
      const { epoch, opening } = ledger.view.clear
      if (last?.epoch === epoch && last.opening === opening)
        this.#hold(item, code, FIRST_BACKOFF_MS * 2 ** Math.min(item.attempts.length, MAX_DOUBLINGS))
    } else await this.#giveUp(item, code)
    ledger.tell()
  }

  /** The item's lane rests for a while. */
  #hold({ lane }: Item, code: string, ms: number): void {
    const until = this.#clock.nowMs() + ms
    this.#held.set(lane, { code, until, time: this.#clock.nowS() + Math.ceil(ms / 1000) })
  }

  /** Within `alone`. If it was a duty, it is not done again at once. */
  async #giveUp(item: Item, code: string): Promise<void> {
    if (item.lane === "governance") this.#dutiesAt = this.#clock.nowMs() + DUTIES_MS
    const change = newChange()
    giveUp(change, this.#ledger.view, item, code)
    await this.#ledger.store(change)
  }

  // ---- writing

  async #write(session: Session): Promise<void> {
    while (!session.isClosed) {
      this.#requirePresent()
      await this.#performDuties(session)
      const item = await this.#nextItem()
      if (session.isClosed) return
      if (item?.submit) this.#submit(session, item, { type: "Submit", drafts: item.submit })
      else await this.#rest()
      this.#requireAnswers()
    }
  }

  #submit(session: Session, item: Item, frame: ClientFrame): void {
    const ms = ANSWER_MS + session.send(frame) / SLOWEST_BYTES_A_MS
    this.#inFlight = { item, until: this.#clock.nowMs() + ms }
    this.#ledger.tell()
  }

  /** Until something happens, what was held may be tried again, or it is time to look for duties. */
  async #rest(): Promise<void> {
    const now = this.#clock.nowMs()
    const times = [
      now + DUTIES_MS,
      this.#heardAt + SILENCE_MS,
      ...[...this.#held.values()].map((hold) => hold.until),
      ...(this.#inFlight === undefined ? [] : [Math.max(this.#inFlight.until, this.#heardAt + ANSWER_MS)]),
      ...(isSeenDue(this.#ledger) ? [this.#seenAt + SEEN_MS] : []),
    ]
    await this.#wake.wait(Math.max(0, Math.min(...times.filter((time) => time > now)) - now))
  }

  /** Throws ServerUnreachable where the server is silent: the network went, and nobody said so. */
  #requireAnswers(): void {
    const now = this.#clock.nowMs()
    const quiet = now - this.#heardAt
    const isLate = this.#inFlight !== undefined && now >= this.#inFlight.until && quiet >= ANSWER_MS
    if (isLate || quiet >= SILENCE_MS) throw new ServerUnreachable()
  }

  /** The next item with its ciphertext, which is stored before it is returned. */
  #nextItem(): Promise<Item | undefined> {
    return this.#ledger.alone(async () => {
      if (this.#inFlight !== undefined || !this.#isLive || this.#ledger.stopped !== undefined)
        return undefined
      const now = this.#clock.nowMs()
      const renewing = renews(this.#ledger, this.#now())
      const passed = new Set([...this.#held].flatMap(([lane, hold]) => (hold.until > now ? [lane] : [])))
      for (const item of pathsFirst(this.#ledger.waiting())) {
        if (passed.has(item.lane)) continue
        if (item.submit !== null) return item
        if (renewing && !isPath(item)) continue
        if (isSkipping(this.#ledger.view) && !isVoiding(item)) {
          passed.add(item.lane)
          continue
        }
        const written = await this.#written(item)
        if (written !== undefined) return written
      }
      return undefined
    })
  }

  /** With a new ciphertext; undefined where the item has no purpose any more, and is dropped. */
  async #written(item: Item): Promise<Item | undefined> {
    const ledger = this.#ledger
    if (item.plan !== null && !isWanted(ledger, item.plan, this.#now())) {
      await ledger.store(newChange({ dropItems: new Set([item.place]) }))
      return undefined
    }
    try {
      const written = await writeItem(ledger.view, item, this.#clock.nowS())
      await ledger.store(newChange({ view: written.view, items: [written.item] }))
      return written.item
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error
      await this.#giveUp(item, error.code)
      return undefined
    }
  }

  // ---- what follows from the room's state

  async #performDuties(session: Session): Promise<void> {
    if (!this.#isLive) return
    const ledger = this.#ledger
    const now = this.#clock.nowMs()
    await ledger.alone(async () => {
      if (ledger.stopped !== undefined) return
      if (now >= this.#dutiesAt) {
        const confirms = this.#confirms
        this.#confirms = false
        await this.#facilitation.doDuties(ledger, this.#now())
        await doOwnDuties(ledger, this.#now(), confirms)
      }
      if (now >= this.#seenAt + SEEN_MS && isSeenDue(ledger)) {
        this.#seenAt = now
        await tellSeen(ledger)
      }
    })
    await this.#post(session)
  }

  /** This device's time, and no earlier than the room's. */
  #now(): number {
    return Math.max(this.#ledger.view.time, this.#clock.nowS())
  }

  /** Letters: Welcomes until who got one has written, and whom an invitee still waits for. */
  async #post(session: Session): Promise<void> {
    for (const [name, note] of this.#ledger.notes) {
      if (!name.startsWith(LETTER) || this.#mailed.has(name)) continue
      const { mailbox, sealed, step } = parsePending(note)
      for (const one of sealed) session.send({ type: "Mail", mailbox, step, sealed: one })
      this.#mailed.add(name)
    }
    const due = await this.#ledger.alone(() => this.#facilitation.letterDue(this.#ledger))
    if (due !== undefined) session.send({ ...due, type: "Mail" })
  }
}

/** New keys go before what is waiting to be written with the old ones. */
const pathsFirst = (items: readonly Item[]): readonly Item[] => [
  ...items.filter(isPath),
  ...items.filter((item) => !isPath(item)),
]
