/**
 * The part of this program that comes later (online.ts): over a slow network a person reads and writes before it is there.
 *
 * It is asked for at once, again and again until it comes: what needs it waits as it waits for a server.
 */

import { ServerUnreachable } from "./errors.ts"
import { Signal } from "./signal.ts"

export type Online = typeof import("./online.ts")["online"]

const FIRST_PAUSE_MS = 1_000
const LAST_PAUSE_MS = 30_000

const fetchOnline = async (): Promise<Online> => (await import("./online.ts")).online

export class Later {
  readonly #load: () => Promise<Online>
  readonly #hurry = new Signal()
  #fetching: Promise<Online> | undefined
  #coming: Promise<Online> | undefined
  #here: Online | undefined

  constructor(load: () => Promise<Online> = fetchOnline) {
    this.#load = load
  }

  /** Undefined until it is there. */
  get here(): Online | undefined {
    return this.#here
  }

  /** For what somebody asks for now. Throws ServerUnreachable. */
  async get(): Promise<Online> {
    this.#fetching ??= this.#load()
    try {
      this.#here = await this.#fetching
      return this.#here
    } catch {
      this.#fetching = undefined
      throw new ServerUnreachable()
    }
  }

  /** Until it is there. */
  wait(): Promise<Online> {
    this.#coming ??= this.#keepAsking()
    return this.#coming
  }

  /** The network is back, or there is something to send: no pause is waited out. */
  hurry(): void {
    this.#hurry.set()
  }

  async #keepAsking(): Promise<Online> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LAST_PAUSE_MS))
      try {
        return await this.get()
      } catch {
        await this.#hurry.wait(pause)
      }
  }
}
