/**
 * Public keys from outside: usable ones, each in its one spelling, as the Python client has it.
 *
 * A key that cannot be encrypted to would stop the whole group from committing, and one key in two spellings would pass
 * for two, where keys must differ (RFC 9420, sections 7.3 and 12.4.2). Under signature keys of small order implementations
 * disagree on what is a signature.
 */

import { KEY_SIZE, littleEndian } from "../base/ed25519.ts"
import type { Suite } from "./suites.ts"

const SIGN_BIT = 1n << 255n
const ML_KEM_SIZE = 1184
/** What follows ML-KEM-768's coefficients is a seed: any bytes (FIPS 203, section 7.2). */
const ML_KEM_COEFFICIENTS = 1152
const ML_KEM_MODULUS = 3329
const FIELD = 2n ** 255n - 19n
/** The u-coordinates of the points of Curve25519 and its twist whose order divides 8. */
const SMALL_ORDER: readonly bigint[] = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  FIELD - 1n,
]

/** The y-coordinates of the points of Ed25519 whose order divides 8. */
const ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n
const SMALL_ORDER_Y: readonly bigint[] = [0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8]

export function isUsableSignatureKey(key: Uint8Array): boolean {
  const coordinate = littleEndian(key) % SIGN_BIT
  return key.length === KEY_SIZE && coordinate < FIELD && !SMALL_ORDER_Y.includes(coordinate)
}

export const isUsableKey = (suite: Suite, key: Uint8Array): boolean =>
  suite === 1
    ? isX25519(key)
    : isMlKem768(key.subarray(0, ML_KEM_SIZE)) && isX25519(key.subarray(ML_KEM_SIZE))

function isX25519(key: Uint8Array): boolean {
  const coordinate = littleEndian(key)
  return key.length === KEY_SIZE && coordinate < FIELD && !SMALL_ORDER.includes(coordinate)
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
