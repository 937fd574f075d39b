/** Ed25519 signatures with labels, and fingerprints (PROTOCOL.md, section 2). */

import { type Bytes, concat } from "../base/bytes.ts"
import { signBytes, verifyExactly } from "../base/ed25519.ts"
import { vector } from "../base/tls.ts"
import { digest, label } from "./canonical.ts"
import { RemoteProtocolError } from "./errors.ts"
import { FINGERPRINT_SIZE } from "./ids.ts"

/** 16 bytes that stand for a public key. */
export const fingerprint = (publicKey: Uint8Array): Bytes =>
  digest(concat(label("fingerprint"), vector(publicKey))).slice(0, FINGERPRINT_SIZE)

/** A signature, 64 bytes, over V("backchannel v1 " || name) || content. */
export const sign = (privateKey: Uint8Array, name: string, content: Uint8Array): Promise<Bytes> =>
  signBytes(privateKey, concat(label(name), content))

/** Throws `bad-signature` unless `signature` is `key`'s. */
export function verify(key: Uint8Array, name: string, content: Uint8Array, signature: Uint8Array): void {
  if (!verifyExactly(key, concat(label(name), content), signature))
    throw new RemoteProtocolError("bad-signature")
}
