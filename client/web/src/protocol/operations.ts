/** Operations in clear: what the server is told to enforce (PROTOCOL.md, section 6); the bodies of control events. */

import type { Bytes } from "../base/bytes.ts"
import { RemoteProtocolError } from "./errors.ts"
import { ID, KEY } from "./events.ts"
import { boolean, number, numberBetween, orNil } from "./fields.ts"
import { MAX_BODY_BYTES } from "./limits.ts"
import { encodeTagged, type OneOf, parseTagged } from "./tagged.ts"

/** The id of the encrypted act that the operation goes with, or null. */
const ACT = orNil(ID)
const SECONDS = numberBetween(0, 10 * 366 * 24 * 3600)

const OPERATIONS = {
  SeatAdd: { number: 1, fields: { act: ACT, seat: ID, seatKey: KEY, mayFacilitate: boolean } },
  SeatRemove: { number: 2, fields: { act: ACT, seat: ID } },
  SeatSet: { number: 3, fields: { act: ACT, seat: ID, mayFacilitate: boolean } },
  Mute: { number: 4, fields: { act: ACT, seat: ID, until: number } },
  Policy: {
    number: 5,
    fields: { act: ACT, slowModeS: SECONDS, retentionS: SECONDS, afterReading: boolean, pausedUntil: number },
  },
  InvitationOpen: { number: 6, fields: { act: ACT, mailbox: ID, authKey: KEY, expires: number } },
  InvitationClose: { number: 7, fields: { act: ACT, mailbox: ID } },
  VoidCommit: { number: 8, fields: { act: ACT, commit: ID } },
  Close: { number: 9, fields: { act: ACT } },
} as const

export type Operation = OneOf<typeof OPERATIONS>

/** The body of a control event. */
export const encodeOperation = (operation: Operation): Bytes => encodeTagged(OPERATIONS, operation)

/** Throws `malformed`, `too-large`. */
export function parseOperation(body: Uint8Array): Operation {
  if (body.length > MAX_BODY_BYTES) throw new RemoteProtocolError("too-large")
  return parseTagged(OPERATIONS, body)
}
