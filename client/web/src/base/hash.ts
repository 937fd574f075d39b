/** Hashes that answer at once: the fold and the chain are computed event by event, thousands in a row. */

import { hkdf as nobleHkdf } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js"
import { type Bytes, owned } from "./bytes.ts"

export const sha256 = (data: Uint8Array): Bytes => owned(nobleSha256(data))

export const hmacSha256 = (key: Uint8Array, data: Uint8Array): Bytes => owned(hmac(nobleSha256, key, data))

/** HKDF-SHA-256 with an empty salt (RFC 5869). */
export const hkdf = (secret: Uint8Array, info: Uint8Array, size: number): Bytes =>
  owned(nobleHkdf(nobleSha256, secret, undefined, info, size))
