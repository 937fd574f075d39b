/** An invitation's link (PROTOCOL.md, section 10). */

import { type Bytes, b64u, concat } from "../base/bytes.ts"
import { u8 } from "../base/tls.ts"
import { RemoteProtocolError } from "./errors.ts"
import { FINGERPRINT_SIZE, parseB64u } from "./ids.ts"

export const SECRET_SIZE = 32
const VERSION = 1
const LINK_PATH = "/i"

/** What a link's fragment carries. The secret never leaves the two clients. */
export interface Invitation {
  readonly secret: Bytes
  readonly inviterFingerprint: Bytes
  readonly recordKeyFingerprint: Bytes
}

/** The part after the #. */
export const fragmentOf = (invitation: Invitation): string =>
  b64u(concat(u8(VERSION), invitation.secret, invitation.inviterFingerprint, invitation.recordKeyFingerprint))

/** The whole link; no client sends the fragment to the server. */
export const linkOf = (invitation: Invitation, serverUrl: string): string =>
  `${serverUrl.replace(/\/+$/, "")}${LINK_PATH}#${fragmentOf(invitation)}`

/** The server's address, and the invitation. Throws `malformed`, `version`. */
export function parseLink(link: string): readonly [serverUrl: string, invitation: Invitation] {
  const parts = URL.canParse(link.trim()) ? new URL(link.trim()) : undefined
  const isKnown =
    parts !== undefined &&
    /^https?:$/.test(parts.protocol) &&
    parts.pathname === LINK_PATH &&
    parts.username === "" && // "https://known.example@other.example/i"
    parts.password === ""
  if (!isKnown) throw new RemoteProtocolError("malformed", "This is not an invitation's link.")
  return [parts.origin, parseFragment(parts.hash.slice(1))]
}

/** Throws `malformed` or `version`, with a sentence that does not repeat the fragment. */
export function parseFragment(fragment: string): Invitation {
  const data = wholeFragment(fragment)
  if (data[0] !== VERSION)
    throw new RemoteProtocolError("version", "The invitation is of a newer version. Update this program.")
  const behindSecret = 1 + SECRET_SIZE
  return {
    secret: data.slice(1, behindSecret),
    inviterFingerprint: data.slice(behindSecret, behindSecret + FINGERPRINT_SIZE),
    recordKeyFingerprint: data.slice(behindSecret + FINGERPRINT_SIZE),
  }
}

function wholeFragment(fragment: string): Bytes {
  try {
    return parseB64u(fragment, 1 + SECRET_SIZE + 2 * FINGERPRINT_SIZE)
  } catch {
    throw new RemoteProtocolError(
      "malformed",
      "This is not a whole invitation. Copy the link again, to its last character.",
    )
  }
}
