/**
 * What of a room's outbox goes out next: one Submit at a time, in order, with what is held and what is not answered
 * (PROTOCOL.md, section 5). What is written is stored before it is returned.
 */

import type { ServerFrame } from "../protocol/frames.ts"
import type { Reason } from "./contract.ts"
import { NotAllowed } from "./errors.ts"
import { isRenewalDue, isWanted } from "./facilitation/upkeep.ts"
import { giveUp } from "./giving_up.ts"
import { type Item, inSendingOrder, isPath, isVoiding, type Lane } from "./items.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { isAnswered, writeItem } from "./outbox.ts"
import { isLeftBehind, isSkipping } from "./room/view.ts"
import type { Clock } from "./time.ts"
import * as waiting from "./waiting.ts"

const FIRST_PAUSE_MS = 250
/** How often the pause doubles, where a server says `stale-epoch` and shows nothing new. */
const MAX_DOUBLINGS = 7
/** How often it is looked whether time alone has made something due. */
export const DUTIES_MS = 600_000
/** How long duties rest after one that could not be done: the room may have changed meanwhile. It doubles. */
const GIVEN_UP_MS = 1_000
/** How long a Submit may stay unanswered, besides the time that it takes on the slowest line. */
const ANSWER_MS = 20_000
const SLOWEST_BYTES_A_MS = 2

type Refused = Extract<ServerFrame, { readonly type: "Refused" }>

/** One room's outbox. */
export class Sending {
  readonly #ledger: Ledger
  readonly #clock: Clock
  #inFlight: { readonly item: Item; readonly until: number } | undefined
  #held = new Map<Lane, waiting.Hold>()
  #dutiesFrom = 0
  #dutiesPause = GIVEN_UP_MS / 2

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger
    this.#clock = clock
  }

  /** A new connection: what was not answered goes out again, and what was held may be taken now. */
  begin(): void {
    this.#inFlight = undefined
    this.#held = new Map()
  }

  /** From when on duties become items, by performance.now(). */
  get dutiesFrom(): number {
    return this.#dutiesFrom
  }

  /** What an item waits for now. */
  whyWaiting(item: Item): Reason {
    const { items, view } = this.#ledger
    if (this.#inFlight?.item.place === item.place) return waiting.ON_ITS_WAY
    if (isSkipping(view) && !isVoiding(item))
      return isLeftBehind(view) ? waiting.LEFT_BEHIND : waiting.SKIPPED
    const hold = this.#held.get(item.lane)
    if (hold !== undefined && hold.until > performance.now()) return waiting.reasonOf(hold)
    return item.place === inSendingOrder(items.values())[0]?.place ? waiting.ON_ITS_WAY : waiting.EARLIER
  }

  /** Its Submit has left, with so many bytes. */
  sent(item: Item, bytes: number): void {
    this.#inFlight = { item, until: performance.now() + ANSWER_MS + bytes / SLOWEST_BYTES_A_MS }
    this.#ledger.tell()
  }

  /** When the server should have answered, by performance.now(); a server that says other things may take longer. */
  answerDue(heardAt: number): number | undefined {
    return this.#inFlight && Math.max(this.#inFlight.until, heardAt + ANSWER_MS)
  }

  /** When what is held is tried again, and what is due is done again, by performance.now(). */
  heldUntil(): readonly number[] {
    return [this.#dutiesFrom, ...[...this.#held.values()].map((hold) => hold.until)]
  }

  /** Events were taken: what is in flight may be in the log, and an operation among them may end what held a lane. */
  taken(isOperated: boolean): void {
    if (this.#inFlight !== undefined && !this.#ledger.items.has(this.#inFlight.item.place))
      this.#inFlight = undefined
    if (isOperated)
      this.#held = new Map([...this.#held].filter(([, hold]) => !waiting.HELD_BY_ROOM.has(hold.code)))
  }

  /** The next item with its ciphertext. */
  next(): Promise<Item | undefined> {
    return this.#ledger.alone(async () => {
      if (this.#inFlight !== undefined || this.#ledger.stopped !== undefined) return undefined
      for (const item of this.#candidates()) {
        const written = item.submit === null ? await this.#written(item) : item
        if (written !== undefined) return written
      }
      return undefined
    })
  }

  /** What may go out now, in order; the first of a lane that may not keeps those behind it back. */
  #candidates(): readonly Item[] {
    const now = performance.now()
    const renewing = isRenewalDue(this.#ledger, this.#now())
    const passed = new Set([...this.#held].flatMap(([lane, hold]) => (hold.until > now ? [lane] : [])))
    return inSendingOrder(this.#ledger.items.values()).filter((item) => {
      if (passed.has(item.lane)) return false
      if (item.submit !== null) return true
      if (renewing && !isPath(item)) return false
      const mustWait = isSkipping(this.#ledger.view) && !isVoiding(item)
      if (mustWait) passed.add(item.lane)
      return !mustWait
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
      const written = await writeItem(ledger.view, item, this.#clock())
      await ledger.store(newChange({ view: written.view, items: [written.item] }))
      return written.item
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error
      await this.#giveUp(item, error.code)
      return undefined
    }
  }

  /** What is final leaves the outbox and is told; the rest is sent again. */
  async refused(frame: Refused): Promise<void> {
    const item = this.#inFlight?.item
    if (item === undefined || frame.id === null || !isAnswered(item, frame.id)) return
    this.#inFlight = undefined
    await this.#ledger.alone(() => this.#answered(item, frame))
  }

  async #answered(item: Item, { code, retryAfterS }: Refused): Promise<void> {
    const ledger = this.#ledger
    if (!ledger.items.has(item.place)) return
    if (waiting.LATER.has(code)) this.#hold(item, code, Math.max(1, retryAfterS ?? 1) * 1000)
    else if (waiting.AGAIN.has(code)) {
      await ledger.store(newChange({ items: [{ ...item, submit: null }] }))
      const last = item.attempts.at(-1)
      const { epoch, opening } = ledger.view.clear
      if (last?.epoch === epoch && last.opening === opening)
        this.#hold(item, code, FIRST_PAUSE_MS * 2 ** Math.min(item.attempts.length, MAX_DOUBLINGS))
    } else await this.#giveUp(item, code)
    ledger.tell()
  }

  /** The item's lane rests for a while. */
  #hold({ lane }: Item, code: string, ms: number): void {
    const time = this.#clock() + Math.ceil(ms / 1000)
    this.#held.set(lane, { code, until: performance.now() + ms, time })
  }

  async #giveUp(item: Item, code: string): Promise<void> {
    const change = newChange()
    giveUp(change, this.#ledger.view, item, code)
    await this.#ledger.store(change)
    // if it was a duty, it is not done again at once
    if (item.lane === "governance") {
      const now = performance.now()
      const isLongAgo = now >= this.#dutiesFrom + DUTIES_MS
      this.#dutiesPause = isLongAgo ? GIVEN_UP_MS : Math.min(2 * this.#dutiesPause, DUTIES_MS)
      this.#dutiesFrom = now + this.#dutiesPause
    }
  }

  /** This device's time, and no earlier than the room's. */
  #now(): number {
    return Math.max(this.#ledger.view.time, this.#clock())
  }
}
