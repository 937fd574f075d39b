/** The chain over a room's log (PROTOCOL.md, section 3): who has another log has another hash. */

import { type Bytes, concat } from "../base/bytes.ts"
import { u8, u64, vector } from "../base/tls.ts"
import { digest, label } from "./canonical.ts"
import { hashOfBody, type LogEvent } from "./events.ts"

const LABEL = label("chain")

/** h(0), 32 bytes. */
export const firstLink = (room: Uint8Array): Bytes => digest(concat(LABEL, room))

/** h(n) from h(n−1) and the n-th event, 32 bytes. */
export const nextLink = (previous: Uint8Array, event: LogEvent): Bytes =>
  digest(
    concat(
      LABEL,
      previous,
      u64(event.seq),
      u64(event.time),
      event.seat,
      u8(event.kind),
      event.id,
      u64(event.epoch),
      vector(event.leaf ?? new Uint8Array()),
      hashOfBody(event),
    ),
  )
