/** A server's blobs over HTTP, for one seat (PROTOCOL.md, section 12a). */

import type { Bytes } from "../../base/bytes.ts"
import { encodeAsked, type Verb } from "../../protocol/blob_requests.ts"
import { ClientError, ServerRefused } from "../errors.ts"
import type { Ledger } from "../ledger.ts"
import type { Clock } from "../time.ts"
import { post, read } from "./host.ts"

/** A part over 50 kbit/s, and the server's patience. */
const TIMEOUT_MS = 120_000

export class BlobHost {
  readonly #ledger: Ledger
  readonly #clock: Clock

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger
    this.#clock = clock
  }

  /** Throws ServerRefused, ServerUnreachable, and `clock-wrong`. */
  async ask<T>(
    verb: Verb,
    blob: Bytes,
    number: number,
    parse: (data: Bytes) => T,
    body: Bytes = new Uint8Array(),
  ): Promise<T> {
    const { about, keys, view } = this.#ledger
    const asked = { verb, room: view.room, seat: view.seat, blob, time: this.#clock(), number, body }
    const request = await encodeAsked(asked, { recordKey: about.recordKey, seatKey: keys.seatKey })
    try {
      return read(await post(`${about.url}/v1/blobs/${verb}`, request, undefined, TIMEOUT_MS), parse)
    } catch (error) {
      if (error instanceof ServerRefused && error.code === "expired") throw new ClientError("clock-wrong")
      throw error
    }
  }
}
