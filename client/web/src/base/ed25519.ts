/**
 * Ed25519 (RFC 8032).
 *
 * `verifyExactly` takes exactly the signatures that OpenSSL takes, which the Python client and the server use: S below
 * the group's order, no multiplication by the cofactor, the point compared as it is encoded. What members decide from a
 * signature must come out the same at all of them, also for keys and signatures that somebody made up to be ambiguous.
 */

import { ed25519 } from "@noble/curves/ed25519.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { type Bytes, concat, equal, KEY_SIZE, owned, randomBytes } from "./bytes.ts"

export const SIGNATURE_SIZE = 64

// RFC 8410: everything of a PKCS #8 private key that stands before the 32 bytes of an Ed25519 key
const PKCS8_BEFORE_KEY = new Uint8Array([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
])
const { Point } = ed25519

/** A new private key. */
export const generateKey = (): Bytes => randomBytes(KEY_SIZE)

export const publicKey = (privateKey: Uint8Array): Bytes => owned(ed25519.getPublicKey(privateKey))

/** With the browser's own implementation, where it has one. */
export async function signBytes(privateKey: Uint8Array, content: Uint8Array): Promise<Bytes> {
  if (!(await isNative())) return owned(ed25519.sign(content, privateKey))
  const pkcs8 = concat(PKCS8_BEFORE_KEY, privateKey)
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"])
  pkcs8.fill(0)
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key, owned(content)))
}

/** With the browser's own implementation, where it has one: an order of magnitude quicker than `verifyExactly`. */
export async function verifyQuickly(
  key: Uint8Array,
  content: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (!(await isNative())) return verifyExactly(key, content, signature)
  try {
    return await crypto.subtle.verify("Ed25519", await imported(key), owned(signature), owned(content))
  } catch {
    return verifyExactly(key, content, signature) // no key, or the browser failed
  }
}

/** Public keys as the browser wants them, by their bytes: those of a room's members are asked for with each event. */
const keys = new Map<string, CryptoKey>()
const MOST_KEYS = 512

async function imported(key: Uint8Array): Promise<CryptoKey> {
  const name = String.fromCharCode(...key)
  const known =
    keys.get(name) ?? (await crypto.subtle.importKey("raw", owned(key), "Ed25519", false, ["verify"]))
  if (keys.size >= MOST_KEYS) keys.clear()
  keys.set(name, known)
  return known
}

export function verifyExactly(key: Uint8Array, content: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== KEY_SIZE || signature.length !== SIGNATURE_SIZE) return false
  const encodedR = signature.subarray(0, 32)
  const s = littleEndian(signature.subarray(32))
  if (s >= Point.Fn.ORDER) return false
  const k = littleEndian(sha512(concat(encodedR, key, content))) % Point.Fn.ORDER
  try {
    const r = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(key, true).multiplyUnsafe(k))
    return equal(r.toBytes(), encodedR)
  } catch {
    return false // the key is no point of the curve
  }
}

export const littleEndian = (data: Uint8Array): bigint =>
  data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)

let native: Promise<boolean> | undefined

/** Browsers have had Ed25519 since 2023 (Safari), 2024 (Firefox) and 2025 (Chrome). */
function isNative(): Promise<boolean> {
  native ??= crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]).then(
    () => true,
    () => false,
  )
  return native
}
