/** HPKE's key derivation, each step with its label (RFC 9180, section 4). */

import { expand, extract } from "@noble/hashes/hkdf.js"
import type { sha256, sha512 } from "@noble/hashes/sha2.js"
import { concat, utf8 } from "../base/bytes.ts"
import { u16 } from "../base/tls.ts"

export type Hash = typeof sha256 | typeof sha512

export interface Kdf {
  readonly extract: (salt: Uint8Array | "", label: string, secret: Uint8Array) => Uint8Array
  readonly expand: (secret: Uint8Array, label: string, info: Uint8Array, size: number) => Uint8Array
}

const VERSION = "HPKE-v1"

export const labelledKdf = (hash: Hash, suiteId: Uint8Array): Kdf => ({
  extract: (salt, label, secret) =>
    extract(hash, concat(utf8(VERSION), suiteId, utf8(label), secret), salt === "" ? undefined : salt),
  expand: (secret, label, info, size) =>
    expand(hash, secret, concat(u16(size), utf8(VERSION), suiteId, utf8(label), info), size),
})
