/** What is derived from an invitation's secret: keys, the sealed mail, the words (PROTOCOL.md, section 10). */

import { type Bytes, concat, owned, utf8 } from "../base/bytes.ts"
import { publicKey } from "../base/ed25519.ts"
import { hkdf } from "../base/hash.ts"
import { u8, u64, vector } from "../base/tls.ts"
import { digest, label } from "./canonical.ts"
import { RemoteProtocolError } from "./errors.ts"
import type { Invitation } from "./link.ts"

const NONCE_SIZE = 12

/** What is derived from the secret; `authKey` is the public half of `authPrivate`. */
export interface MailKeys {
  readonly mailbox: Bytes
  readonly authPrivate: Bytes
  readonly authKey: Bytes
  readonly sealKey: Bytes
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
