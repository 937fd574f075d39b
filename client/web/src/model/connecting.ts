/** A room's connection, from before the code is there that makes it: until then it says what is so, that it connects. */

import type { Connection, Reason } from "./contract.ts"
import type { ClientError } from "./errors.ts"
import type { Item } from "./items.ts"
import type { Later } from "./later.ts"
import type { Ledger } from "./ledger.ts"
import type { LiveRoom } from "./live.ts"
import type { Clock } from "./time.ts"
import type { Uploads } from "./uploading.ts"
import { outOf, UNREACHABLE } from "./waiting.ts"

export class Connecting {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #later: Later
  readonly #end = Promise.withResolvers<undefined>()
  #live: LiveRoom | undefined
  #uploads: Uploads | undefined
  #isEnding = false

  constructor(ledger: Ledger, clock: Clock, later: Later) {
    this.#ledger = ledger
    this.#clock = clock
    this.#later = later
  }

  /** Why the room is not connected any more and will not be, where that is so. */
  get error(): ClientError | undefined {
    return this.#live === undefined ? (this.#ledger.stopped ?? outOf(this.#ledger.view)) : this.#live.error
  }

  get fault(): string | undefined {
    return this.#live?.fault
  }

  get doubt(): Reason | undefined {
    return this.#live?.doubt
  }

  get connection(): Connection {
    if (this.#live !== undefined) return this.#live.connection
    return this.error !== undefined || this.#isEnding ? "over" : "connecting"
  }

  /** What an item of the outbox waits for now. */
  whyWaiting(item: Item): Reason {
    if (this.#live !== undefined) return this.#live.whyWaiting(item)
    return this.error === undefined ? UNREACHABLE : { code: this.error.code }
  }

  /** Connects, and returns when the room is over or `end` was called. Whether the room can be read at all. */
  async run(): Promise<boolean> {
    const online = await Promise.race([this.#later.wait(), this.#end.promise])
    if (online === undefined) return true
    try {
      online.openGroups(this.#ledger.view)
    } catch {
      return false
    }
    this.#live = new online.LiveRoom(this.#ledger, this.#clock)
    this.#uploads = new online.Uploads(this.#ledger, this.#clock, () => this.#live?.wake())
    // a part that is on its way is not waited for
    await Promise.all([this.#live.run(), Promise.race([this.#uploads.run(), this.#end.promise])])
    return true
  }

  /** Of a message whose files are on their way, from 0 to 1. */
  uploaded(place: number): number {
    return this.#uploads?.progress(place) ?? 0
  }

  /** `run` returns, and connects no more. */
  end(): void {
    this.#isEnding = true
    this.#end.resolve(undefined)
    this.#live?.end()
    this.#uploads?.end()
  }

  /** There is something to send. */
  wake(): void {
    if (this.#live === undefined) this.#later.hurry()
    else this.#live.wake()
    this.#uploads?.wake()
  }

  /** The network changed: what was connected is not believed, and no pause is waited out. */
  reconnect(): void {
    this.#live?.reconnect()
    this.#uploads?.wake()
  }
}
