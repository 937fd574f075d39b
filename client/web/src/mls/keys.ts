/**
 * Public keys from outside: usable ones, each in its one spelling, as the Python client has it.
 *
 * A key that cannot be encrypted to would stop the whole group from committing, and one key in two spellings would pass
 * for two, where keys must differ (RFC 9420, sections 7.3 and 12.4.2). Under signature keys of small order implementations
 * disagree on what is a signature.
 */

import { KEY_SIZE } from "../base/bytes.ts"
import { littleEndian } from "../base/ed25519.ts"
import type { Suite } from "./suites.ts"

const SIGN_BIT = 1n << 255n
const ML_KEM_SIZE = 1184
/** What follows ML-KEM-768's coefficients is a seed: any bytes (FIPS 203, section 7.2). */
const ML_KEM_COEFFICIENTS = 1152
const ML_KEM_MODULUS = 3329
const FIELD = 2n ** 255n - 19n

/** Whether it is none of Ed25519's points whose order divides 8: y = 0 or its square 1, or twice the point has y = 0. */
export function isUsableSignatureKey(key: Uint8Array): boolean {
  const y = littleEndian(key) % SIGN_BIT
  const square = y * y
  const isSmall = (y * (square - 1n) * ((121665n * square - 243332n) * square + 121666n)) % FIELD === 0n
  return key.length === KEY_SIZE && y < FIELD && !isSmall
}

export const isUsableKey = (suite: Suite, key: Uint8Array): boolean =>
  suite === 1
    ? isX25519(key)
    : isMlKem768(key.subarray(0, ML_KEM_SIZE)) && isX25519(key.subarray(ML_KEM_SIZE))

/** None of Curve25519 or its twist whose order divides 8: u = 0, its square 1, or twice the point has u = 1. */
function isX25519(key: Uint8Array): boolean {
  const u = littleEndian(key)
  const square = u * u - 1n
  const isSmall = (u * square * (square * square - 4n * u * (u * (u + 486662n) + 1n))) % FIELD === 0n
  return key.length === KEY_SIZE && u < FIELD && !isSmall
}

/** FIPS 203, section 7.2: twelve bits each, below the modulus. */
function isMlKem768(key: Uint8Array): boolean {
  const byte = (at: number): number => key[at] ?? 0
  for (let at = 0; at < ML_KEM_COEFFICIENTS; at += 3) {
    const low = byte(at) | ((byte(at + 1) & 15) << 8)
    const high = (byte(at + 1) >> 4) | (byte(at + 2) << 4)
    if (low >= ML_KEM_MODULUS || high >= ML_KEM_MODULUS) return false
  }
  return key.length === ML_KEM_SIZE
}
