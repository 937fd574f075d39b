/** What stands in a member's MLS credential: the seat and its keys (PROTOCOL.md, section 2). */

import { type Bytes, b64u, KEY_SIZE } from "../base/bytes.ts"
import { type JsonValue, jcs, parseJcs } from "./canonical.ts"
import { RemoteProtocolError } from "./errors.ts"
import { ID_SIZE, parseB64u } from "./ids.ts"

export const MAX_INBOX_KEY_BYTES = 2048
const MEMBERS = "governance inbox key seat v"

/** A seat's id and public keys; `inboxKey` is an HPKE key of the room's suite. */
export interface SeatCredential {
  readonly seat: Bytes
  readonly seatKey: Bytes
  readonly governanceKey: Bytes
  readonly inboxKey: Bytes
}

/** The identity of a basic credential: JCS. */
export const encodeCredential = (credential: SeatCredential): Bytes =>
  jcs({
    governance: b64u(credential.governanceKey),
    inbox: b64u(credential.inboxKey),
    key: b64u(credential.seatKey),
    seat: b64u(credential.seat),
    v: 1,
  })

/** Throws `malformed`. */
export function parseCredential(identity: Uint8Array): SeatCredential {
  const value = parseJcs(identity)
  if (Object.keys(value).join(" ") !== MEMBERS || value.v !== 1) throw unfit()
  const inboxKey = parseB64u(textOf(value.inbox))
  if (inboxKey.length < KEY_SIZE || inboxKey.length > MAX_INBOX_KEY_BYTES) throw unfit()
  return {
    seat: parseB64u(textOf(value.seat), ID_SIZE),
    seatKey: parseB64u(textOf(value.key), KEY_SIZE),
    governanceKey: parseB64u(textOf(value.governance), KEY_SIZE),
    inboxKey,
  }
}

function textOf(value: JsonValue | undefined): string {
  if (typeof value !== "string") throw unfit()
  return value
}

const unfit = () => new RemoteProtocolError("malformed", "The credential is not a seat's.")
