/**
 * The two cipher suites of rooms, put together for ts-mls from what is needed and nothing else.
 *
 * Hashes and key derivation answer at once (thousands of tiny inputs, where WebCrypto's way through another thread costs
 * more than the hash); encryption and signatures are the browser's.
 */

import { expand, extract } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import type { CiphersuiteImpl, CiphersuiteName } from "ts-mls/crypto/ciphersuite.js"
import { equal, randomBytes } from "../base/bytes.ts"
import { generateKey, publicKey, signBytes, verifyQuickly } from "../base/ed25519.ts"
import { makeHpke, type Schedule } from "./hpke.ts"
import { dhkemX25519, type Kem, xWing } from "./kems.ts"

/** By IANA's number; 83 is ts-mls's private one for X-Wing with AES-256-GCM, SHA-512 and Ed25519. */
export type Suite = 1 | 83

interface Recipe {
  readonly name: CiphersuiteName
  readonly schedule: Schedule
  readonly makeKem: () => Kem | Promise<Kem>
}

const RECIPES: Readonly<Record<Suite, Recipe>> = {
  1: {
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    schedule: { hash: sha256, kdf: 1, aead: 1, keySize: 16 },
    makeKem: dhkemX25519,
  },
  83: {
    name: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
    schedule: { hash: sha512, kdf: 3, aead: 2, keySize: 32 },
    makeKem: xWing,
  },
}

export const SUITE_NAMES: readonly CiphersuiteName[] = Object.values(RECIPES).map((one) => one.name)

export const nameOf = (suite: Suite): CiphersuiteName => RECIPES[suite].name

export const suiteOf = (name: CiphersuiteName): Suite | undefined =>
  name === RECIPES[1].name ? 1 : name === RECIPES[83].name ? 83 : undefined

const made = new Map<Suite, Promise<CiphersuiteImpl>>()

/** A suite's primitives, as ts-mls wants them. */
export function primitivesOf(suite: Suite): Promise<CiphersuiteImpl> {
  const known = made.get(suite) ?? makePrimitives(RECIPES[suite])
  made.set(suite, known)
  return known
}

async function makePrimitives({ makeKem, name, schedule }: Recipe): Promise<CiphersuiteImpl> {
  const { hash } = schedule
  const mac = (key: Uint8Array, data: Uint8Array): Uint8Array => hmac(hash, key, data)
  return {
    name,
    hash: {
      digest: async (data) => hash(data),
      mac: async (key, data) => mac(key, data),
      verifyMac: async (key, tag, data) => equal(mac(key, data), tag),
    },
    kdf: {
      size: hash.outputLen,
      extract: async (salt, secret) => extract(hash, secret, salt),
      expand: async (key, info, size) => expand(hash, key, info, size),
    },
    hpke: makeHpke(await makeKem(), schedule),
    signature: {
      sign: signBytes,
      verify: verifyQuickly,
      keygen: async () => {
        const signKey = generateKey()
        return { signKey, publicKey: publicKey(signKey) }
      },
    },
    rng: { randomBytes },
  }
}
