/** Notes: what a room's ledger keeps beside view, outbox and timeline, by name. Each name begins with its kind. */

import type { Bytes } from "../base/bytes.ts"
import { ID } from "../protocol/events.ts"
import { list, numberBetween, struct, type Value } from "../protocol/fields.ts"
import { SEALED } from "../protocol/frames.ts"
import { MAX_MAIL_LETTERS } from "../protocol/limits.ts"
import { pack, unpack } from "../protocol/msgpack.ts"

/** What will not be sent, by its place in the outbox. */
export const FAILED = "failed/"
/** The fragment of a link that this device made, by mailbox. */
export const INVITE = "invite/"
/** A knock, by mailbox. */
export const KNOCK = "knock/"
/** A letter that is sent at each attaching until its seat has written, by seat. */
export const LETTER = "letter/"
/** The seat that an invitation led in, by mailbox. */
export const LED = "led/"
/** What a leaf of the record commits to, by its index. */
export const RECORD = "record/"
/** Roots of the record that the server signed, of sizes that this device has not reached. */
export const PROMISED = "promised"
/** An item with ciphertexts of it that are over, by the id of each of their events. */
export const OLD = "old/"
/** The admission rule `party` was wished: it is set as soon as each party has a facilitator. */
export const PARTY_RULE = "party-rule"
/** When this seat renewed its keys last, in seconds. */
export const PATH = "path"
/** Up to which seq this person has seen everything, whether or not the others were told. */
export const SEEN = "seen"
/** The same, as far as it was written down for the others. */
export const SEEN_TOLD = "seen-told"
/** What stands in the composer. */
export const DRAFT = "draft"
/** A message whose attachments are on their way, by its place. */
export const UPLOAD = "upload/"
/** A blob that is to be deleted at the server, by its id. */
export const UNBLOB = "unblob/"
/** Why the room stopped. */
export const STOPPED = "stopped"
/** What was given away last: places in the outbox, intents. */
export const COUNTERS = "counters"

const PENDING = struct({
  mailbox: ID,
  step: numberBetween(1, 4),
  sealed: list(SEALED, 1, MAX_MAIL_LETTERS),
})

/** A letter to be sent, in one piece or in parts. */
export type Pending = Value<typeof PENDING>

export const encodePending = (pending: Pending): Bytes => pack(PENDING.write(pending))
export const parsePending = (note: Uint8Array): Pending => unpack(note, PENDING.read)
