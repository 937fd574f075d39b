/**
 * A room on the wire: connects, takes what comes, sends what waits, for ever (PROTOCOL.md, sections 4 and 5).
 *
 * One task reads, one writes. Whatever breaks the connection, the next one goes on where the ledger says; what was not
 * answered goes out again with the same bytes.
 */

import type { Bytes } from "../base/bytes.ts"
import { EventKind } from "../protocol/events.ts"
import type { ServerFrame } from "../protocol/frames.ts"
import { fingerprint } from "../protocol/keys.ts"
import { type CheckpointBody, originOf, verifyCheckpoint } from "../protocol/record/note.ts"
import { openPipe } from "./connection/pipe.ts"
import { type Place, Session } from "./connection/session.ts"
import type { Connection, Reason } from "./contract.ts"
import { ClientError, ServerRefused, ServerUnreachable, Stopped } from "./errors.ts"
import { letterDue, takeMail } from "./facilitation/knocks.ts"
import { doDuties } from "./facilitation/upkeep.ts"
import { take } from "./inbox.ts"
import type { Item } from "./items.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { LETTER, parsePending } from "./notes.ts"
import { Patience } from "./patience.ts"
import { fitsRecord } from "./promises.ts"
import type { StopCode } from "./room/checks.ts"
import { isSeenDue, SEEN_MS, tellSeen } from "./seeing.ts"
import { DUTIES_MS, Sending } from "./sending.ts"
import { Signal } from "./signal.ts"
import type { Clock } from "./time.ts"
import { CATCHING_UP, outOf, UNREACHABLE } from "./waiting.ts"

/** No program in a browser sees the server's pings: after so much silence it connects anew. */
const SILENCE_MS = 300_000

type Events = Extract<ServerFrame, { readonly type: "Events" }>

/** One room's tasks. `run` ends when the seat is out, or the room stopped. */
export class LiveRoom {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #sending: Sending
  readonly #wake = new Signal()
  readonly #patience = new Patience()
  #error: ClientError | undefined
  /** What went wrong here with the last connection: the profile does not store, for one. It is tried again. */
  #fault: string | undefined
  #session: Session | undefined
  #isAttached = false
  #isLive = false
  #isEnding = false
  #isConfirming = false
  #mailed = new Set<string>()
  #heardAt = 0
  #seenAt = Number.NEGATIVE_INFINITY

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger
    this.#clock = clock
    this.#sending = new Sending(ledger, clock)
  }

  /** Why the room is not connected any more and will not be, where that is so. */
  get error(): ClientError | undefined {
    return this.#ledger.stopped ?? this.#error
  }

  get fault(): string | undefined {
    return this.#fault
  }

  /** Why the server lets nobody in, where that is not believed yet. */
  get doubt(): Reason | undefined {
    return this.#patience.doubt
  }

  get connection(): Connection {
    if (this.error !== undefined || this.#isEnding) return "over"
    if (!this.#isAttached) return "connecting"
    return this.#isLive ? "live" : "catching-up"
  }

  /** Connects again and again. Returns; `error` says why, where it was not asked to end. */
  async run(): Promise<void> {
    while (!this.#isEnding) {
      this.#error = await this.#connectOnce()
      if (this.#error !== undefined || this.#isEnding) break
      this.#isAttached = false
      this.#ledger.tell()
      await this.#patience.rest(this.#ledger.view)
    }
    this.#isAttached = false
    this.#ledger.tell()
  }

  /** `run` returns, and connects no more. */
  end(): void {
    this.#isEnding = true
    this.#session?.close()
    this.#patience.end()
  }

  /** There is something to send. */
  wake(): void {
    this.#wake.set()
    if (!this.#isLive) this.#patience.hurry()
  }

  /** The network changed: what was connected is not believed, and no pause is waited out. */
  reconnect(): void {
    this.#session?.close()
    this.#patience.hurry()
  }

  /** What an item of the outbox waits for now. */
  whyWaiting(item: Item): Reason {
    if (this.error !== undefined) return { code: this.error.code }
    if (!this.#isAttached) return this.doubt ?? UNREACHABLE
    return this.#isLive ? this.#sending.whyWaiting(item) : CATCHING_UP
  }

  // ---- one connection

  /** Until the connection breaks. Returns what makes another one useless. */
  async #connectOnce(): Promise<ClientError | undefined> {
    if (this.#ledger.stopped !== undefined) return this.#ledger.stopped
    try {
      this.#requirePresent()
      await this.#connected()
      return undefined
    } catch (error) {
      this.#fault = error instanceof ClientError ? undefined : codeOf(error)
      if (error instanceof Stopped) return error
      if (!(error instanceof ServerRefused)) this.#patience.lost()
      else if (this.#patience.believes(error.code, this.#ledger.view)) return error
      return undefined
    }
  }

  async #connected(): Promise<void> {
    const session = new Session(await openPipe(this.#ledger.about.url))
    this.#session = session
    try {
      if (this.#isEnding) return
      const attached = await session.attach(this.#place())
      if (attached.head < this.#ledger.view.seq) await this.#stop("log-shorter")
      await this.#checkRecord(attached.checkpoint)
      this.#sending.begin()
      this.#mailed = new Set()
      this.#heardAt = performance.now()
      this.#isLive = false
      this.#isAttached = true
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
    const refusal = outOf(this.#ledger.view)
    if (refusal !== undefined) throw refusal
  }

  /** The signed checkpoint is of this room's record: compared now, or when this device is as far. */
  async #checkRecord(note: string): Promise<void> {
    const { about, view } = this.#ledger
    const body = checkpointIn(note, originOf(view.room), about.recordKey)
    if (body === undefined || !(await fitsRecord(this.#ledger, body))) await this.#stop("record-differs")
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
      this.#heardAt = performance.now()
      await this.#obey(session, frame)
      this.#wake.set()
    }
  }

  async #obey(session: Session, frame: ServerFrame): Promise<void> {
    switch (frame.type) {
      case "Events":
        return this.#take(session, frame)
      case "Refused":
        return this.#sending.refused(frame)
      case "Mail": {
        const answer = await takeMail(this.#ledger, frame, this.#clock())
        if (answer !== undefined) session.send(answer)
        return
      }
      case "Checkpoint":
        return this.#checkRecord(frame.note)
      default:
        return // an Ack needs no deed: the event itself follows it
    }
  }

  async #take(session: Session, { events, live }: Events): Promise<void> {
    const ledger = this.#ledger
    const before = ledger.view.seq
    const known = ledger.entries.length
    await take(ledger, events)
    if (!(await fitsRecord(ledger))) await this.#stop("record-differs")
    this.#sending.taken(events.some((event) => event.kind === EventKind.CONTROL))
    const { own, seq } = ledger.view
    this.#isConfirming ||= ledger.entries
      .slice(known)
      .some((entry) => entry.kind === "joined" && entry.seat !== own)
    if (live && !this.#isLive) {
      this.#isLive = true
      this.#fault = undefined
      this.#patience.connected()
      ledger.tell()
    }
    if (seq > before) session.send({ type: "Cursor", seq })
    this.#requirePresent()
  }

  // ---- writing

  async #write(session: Session): Promise<void> {
    while (!session.isClosed) {
      this.#requirePresent()
      const looked = performance.now()
      const item = this.#isLive ? await this.#nextItem(session) : undefined
      if (session.isClosed) return
      if (item?.submit) this.#sending.sent(item, session.send({ type: "Submit", drafts: item.submit }))
      else await this.#rest(looked)
      this.#requireAnswers()
    }
  }

  async #nextItem(session: Session): Promise<Item | undefined> {
    await this.#performDuties()
    await this.#post(session)
    return this.#sending.next()
  }

  /** Until something happens, what was held may be tried again, or it is time to look for duties. */
  async #rest(looked: number): Promise<void> {
    const deadlines = [this.#heardAt + SILENCE_MS, this.#sending.answerDue(this.#heardAt)]
    const wishes = [isSeenDue(this.#ledger) ? this.#seenAt + SEEN_MS : 0, ...this.#sending.heldUntil()]
    const until = restUntil(looked, deadlines, [looked + DUTIES_MS, ...wishes])
    await this.#wake.wait(Math.max(0, until - performance.now()))
  }

  /** Throws ServerUnreachable where the server is silent: the network went, and nobody said so. */
  #requireAnswers(): void {
    const now = performance.now()
    const answerDue = this.#sending.answerDue(this.#heardAt)
    const isLate = answerDue !== undefined && now >= answerDue
    if (isLate || now >= this.#heardAt + SILENCE_MS) throw new ServerUnreachable()
  }

  // ---- what follows from the room's state

  async #performDuties(): Promise<void> {
    const now = performance.now()
    if (this.#ledger.stopped !== undefined) return
    if (now >= this.#sending.dutiesFrom) {
      const isConfirming = this.#isConfirming
      this.#isConfirming = false
      await doDuties(this.#ledger, Math.max(this.#ledger.view.time, this.#clock()), isConfirming)
    }
    if (now >= this.#seenAt + SEEN_MS && isSeenDue(this.#ledger)) {
      this.#seenAt = now
      await tellSeen(this.#ledger)
    }
  }

  /** Letters: Welcomes until who got one has written, and whom an invitee still waits for. */
  async #post(session: Session): Promise<void> {
    for (const [name, note] of this.#ledger.notes) {
      if (!name.startsWith(LETTER) || this.#mailed.has(name)) continue
      const { mailbox, sealed, step } = parsePending(note)
      for (const one of sealed) session.send({ type: "Mail", mailbox, step, sealed: one })
      this.#mailed.add(name)
    }
    const due = await letterDue(this.#ledger)
    if (due !== undefined) session.send(due)
  }
}

/**
 * When to go on, for who looked for something to do at `looked`, all by performance.now(). A wish of before was seen by that
 * look, and could not be met. A deadline counts whenever it was: it is compared after the rest.
 */
export function restUntil(
  looked: number,
  deadlines: readonly (number | undefined)[],
  wishes: readonly number[],
): number {
  const due = deadlines.filter((time) => time !== undefined)
  return Math.min(...due, ...wishes.filter((time) => time > looked))
}

/** Undefined: no note, another log's, or not signed with the record's key. */
function checkpointIn(note: string, origin: string, key: Bytes): CheckpointBody | undefined {
  try {
    return verifyCheckpoint(note, origin, key)
  } catch {
    return undefined
  }
}

/** Whatever the browser throws where it cannot store has a name of its own, and no code of ours; WebCrypto's is this one. */
function codeOf(error: unknown): string {
  if (error instanceof DOMException && error.name !== "OperationError") return "storage-unavailable"
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "internal"
}
