/** Identifiers of the protocol (PROTOCOL.md, section 1): 16 random bytes, in JSON their base64url. */

import { type Bytes, readB64u } from "../base/bytes.ts"
import { RemoteProtocolError } from "./errors.ts"

export const ID_SIZE = 16
export const HASH_SIZE = 32
export const FINGERPRINT_SIZE = 16

/** The bytes of canonical base64url without padding; `size` in bytes where it is known. Throws `malformed`. */
export function parseB64u(text: string, size?: number): Bytes {
  const data = readB64u(text)
  if (data === undefined) throw new RemoteProtocolError("malformed", "A value is not base64url.")
  if (size !== undefined && data.length !== size)
    throw new RemoteProtocolError("malformed", "A value is not base64url of the right length.")
  return data
}
