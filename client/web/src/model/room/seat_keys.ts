/** A seat's keys as they are kept (PROTOCOL.md, section 2). */

import { KEY_SIZE } from "../../base/bytes.ts"
import type { Suite } from "../../mls/suites.ts"
import { MAX_INBOX_KEY_BYTES } from "../../protocol/credential.ts"
import { ID } from "../../protocol/events.ts"
import { bytes, type Field, numberBetween, struct, type Value } from "../../protocol/fields.ts"

const PRIVATE = bytes(KEY_SIZE)
const INBOX = bytes(KEY_SIZE, MAX_INBOX_KEY_BYTES)

/** A seat's id and its private keys, for storage too; of the inbox key both halves. */
export const SEAT_KEYS = struct({
  suite: numberBetween(1, 0xffff) as Field<Suite>,
  seat: ID,
  seatKey: PRIVATE,
  leafKey: PRIVATE,
  governanceKey: PRIVATE,
  inboxKey: INBOX,
  inboxPublic: INBOX,
})
export type SeatKeys = Value<typeof SEAT_KEYS>
