/** Invitations: the link, what is derived from its secret, and the sealed mail (PROTOCOL.md, section 10). */

import { type Bytes, b64u, concat, owned, utf8 } from "../base/bytes.ts"
import { publicKey } from "../base/ed25519.ts"
import { hkdf } from "../base/hash.ts"
import { u8, u64, vector } from "../base/tls.ts"
import { digest, label } from "./canonical.ts"
import { RemoteProtocolError } from "./errors.ts"
import { parseB64u } from "./ids.ts"
import { FINGERPRINT_SIZE } from "./keys.ts"

export const SECRET_SIZE = 32
const VERSION = 1
const NONCE_SIZE = 12
const LINK_PATH = "/i"

/** What a link's fragment carries. The secret never leaves the two clients. */
export interface Invitation {
  readonly secret: Bytes
  readonly inviterFingerprint: Bytes
  readonly recordKeyFingerprint: Bytes
}

/** What is derived from the secret; `authKey` is the public half of `authPrivate`. */
export interface MailKeys {
  readonly mailbox: Bytes
  readonly authPrivate: Bytes
  readonly authKey: Bytes
  readonly sealKey: Bytes
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

export function deriveMailKeys({ secret }: Invitation): MailKeys {
  const derive = (name: string, size: number): Bytes =>
    hkdf(secret, concat(label("invitation"), vector(utf8(name))), size)
  const authPrivate = derive("auth", 32)
  return {
    mailbox: derive("mailbox", 16),
    authPrivate,
    authKey: publicKey(authPrivate),
    sealKey: derive("seal", 32),
  }
}

/** A piece of mail as the server keeps it; `nonce` is 12 random bytes, never used before. */
export async function seal(
  keys: MailKeys,
  step: number,
  content: Uint8Array,
  nonce: Uint8Array,
): Promise<Bytes> {
  const [key, parameters] = await sealing(keys, step, nonce)
  return concat(nonce, new Uint8Array(await crypto.subtle.encrypt(parameters, key, owned(content))))
}

/** The content of a piece of mail. Throws `malformed` where it is not from a holder of the link. */
export async function open(keys: MailKeys, step: number, sealed: Uint8Array): Promise<Bytes> {
  const [key, parameters] = await sealing(keys, step, sealed.slice(0, NONCE_SIZE))
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, owned(sealed.subarray(NONCE_SIZE))))
  } catch {
    throw new RemoteProtocolError(
      "malformed",
      "The server sent something that the inviting person did not write.",
    )
  }
}

async function sealing(
  keys: MailKeys,
  step: number,
  nonce: Uint8Array,
): Promise<readonly [CryptoKey, AesGcmParams]> {
  const key = await crypto.subtle.importKey("raw", keys.sealKey, "AES-GCM", false, ["encrypt", "decrypt"])
  return [key, { name: "AES-GCM", iv: owned(nonce), additionalData: concat(keys.mailbox, u8(step)) }]
}

/**
 * What an invitee signs, under the label `mail`: with the auth key in step 1, which brings the claim key, and with the
 * claim key afterwards.
 */
export const mailContent = (
  mailbox: Uint8Array,
  step: number,
  time: number,
  claimKey: Uint8Array | null,
  sealed: Uint8Array | null,
): Bytes =>
  concat(
    mailbox,
    u8(step),
    u64(time),
    vector(claimKey ?? new Uint8Array()),
    vector(sealed ?? new Uint8Array()),
  )

/** The hash that the invitee leaves before the challenge exists, 32 bytes. */
export const knockCommitment = (reveal: Uint8Array): Bytes => digest(concat(label("knock"), vector(reveal)))

/** Three numbers below 2,048, each a word that both sides read aloud (33 bits). */
export function wordNumbers(
  reveal: Uint8Array,
  challenge: Uint8Array,
  invitation: Invitation,
): readonly [number, number, number] {
  const hashed = digest(
    concat(
      label("words"),
      vector(reveal),
      vector(challenge),
      invitation.inviterFingerprint,
      invitation.recordKeyFingerprint,
    ),
  )
  const bits = hashed.subarray(0, 5).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) >> 7n
  const word = (shift: bigint): number => Number((bits >> shift) & 0x7ffn)
  return [word(22n), word(11n), word(0n)]
}
