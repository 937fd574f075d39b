/**
 * When a room connects again after its connection ended, and what a refusal at the door is believed for (PROTOCOL.md,
 * section 4).
 *
 * A pause doubles from one attempt to the next. Who writes does not wait for its end, but even a flood of words tries no
 * oftener than each HURRY_MS.
 */

import type { Reason } from "./contract.ts"
import type { RoomView } from "./room/view.ts"
import { Signal } from "./signal.ts"
import { FINAL, REMOVED_UNSEEN, REPLACED_ONCE } from "./waiting.ts"

const FIRST_BACKOFF_MS = 250
const LAST_BACKOFF_MS = 30_000
/** The longest pause while the server says `removed`, and the log does not show it. */
const DOUBTED_BACKOFF_MS = 600_000
/** How soon after an attempt the next one may come for the sake of what was written meanwhile. */
const HURRY_MS = 2_000
/** How long a seat leaves its place to whom took it: it may have been an Attach of its own that came late. */
const REPLACED_PAUSE_MS = 5_000
/** Who is replaced twice within this time has somebody else in its place, and gives way. */
const REPLACED_AGAIN_MS = 600_000

/** The pauses of one room. */
export class Patience {
  readonly #hurry = new Signal()
  readonly #end = new Signal()
  #backoff = FIRST_BACKOFF_MS
  #replacedAt = Number.NEGATIVE_INFINITY
  #doubt: Reason | undefined

  /** Why the server lets nobody in, where that is not believed yet. */
  get doubt(): Reason | undefined {
    return this.#doubt
  }

  /** Somebody wants the connection now. */
  hurry(): void {
    this.#hurry.set()
  }

  /** There will be no further attempt: a pause is over at once. */
  end(): void {
    this.#end.set()
    this.#hurry.set()
  }

  /** The server does not answer, or the connection broke. */
  lost(): void {
    this.#doubt = undefined
  }

  /** All that the server had is here: the next pause is a short one. */
  connected(): void {
    this.#backoff = FIRST_BACKOFF_MS
    this.#doubt = undefined
    this.#hurry.clear()
  }

  /** Whether a refusal is final: a new connection would hear the same, and the log agrees. The rest may be doubted. */
  believes(code: string, { presence }: RoomView): boolean {
    this.#doubt = undefined
    if (code === "removed" && presence === "present") this.#doubt = REMOVED_UNSEEN
    if (code === "replaced") {
      const before = this.#replacedAt
      this.#replacedAt = performance.now()
      if (this.#replacedAt - before >= REPLACED_AGAIN_MS) this.#doubt = REPLACED_ONCE
    }
    return FINAL.has(code) && this.#doubt === undefined
  }

  /** Until it is time for the next attempt. */
  async rest(view: RoomView): Promise<void> {
    if (this.#doubt === REPLACED_ONCE) return this.#end.wait(REPLACED_PAUSE_MS)
    const began = performance.now()
    const backoff = Math.min(this.#backoff, this.#longest(view))
    const pause = backoff * (0.5 + Math.random())
    this.#backoff = 2 * backoff
    if (this.#doubt !== undefined) return this.#end.wait(pause)
    await this.#hurry.wait(pause)
    await this.#end.wait(Math.min(pause, HURRY_MS) - (performance.now() - began))
    this.#hurry.clear() // what is wanted during an attempt counts for the pause after it
  }

  /** A commit that nobody takes is taken back in minutes; who is kept out for it comes back soon. */
  #longest({ clear, own }: RoomView): number {
    return this.#doubt === undefined || clear.gone.has(own) ? LAST_BACKOFF_MS : DOUBTED_BACKOFF_MS
  }
}
