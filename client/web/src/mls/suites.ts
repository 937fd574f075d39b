/**
 * The two cipher suites of rooms, put together for ts-mls from what is needed and nothing else.
 *
 * Hashes and key derivation answer at once (thousands of tiny inputs, where WebCrypto's way through another thread costs
 * more than the hash); encryption and signatures are the browser's.
 */

import { Aes128Gcm, Aes256Gcm, CipherSuite, HkdfSha256, HkdfSha512 } from "@hpke/core"
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519"
import { XWing } from "@hpke/hybridkem-x-wing"
import { expand, extract } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import type { CiphersuiteImpl, CiphersuiteName } from "ts-mls/crypto/ciphersuite.js"
import type { HpkeAlgorithm } from "ts-mls/crypto/hpke.js"
import { makeGenericHpke } from "ts-mls/crypto/implementation/hpke.js"
import { type Bytes, equal, owned, randomBytes } from "../base/bytes.ts"
import { generateKey, publicKey, signBytes, verifyQuickly } from "../base/ed25519.ts"

/** By IANA's number; 83 is ts-mls's private one for X-Wing with AES-256-GCM, SHA-512 and Ed25519. */
export type Suite = 1 | 83

interface Recipe {
  readonly name: CiphersuiteName
  readonly hash: typeof sha256 | typeof sha512
  readonly algorithm: HpkeAlgorithm
  readonly makeHpke: () => CipherSuite
}

const RECIPES: Readonly<Record<Suite, Recipe>> = {
  1: {
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    hash: sha256,
    algorithm: { kem: "DHKEM-X25519-HKDF-SHA256", kdf: "HKDF-SHA256", aead: "AES128GCM" },
    makeHpke: () =>
      new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() }),
  },
  83: {
    name: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
    hash: sha512,
    algorithm: { kem: "X-Wing", kdf: "HKDF-SHA512", aead: "AES256GCM" },
    makeHpke: () => new CipherSuite({ kem: new XWing(), kdf: new HkdfSha512(), aead: new Aes256Gcm() }),
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

async function makePrimitives({ algorithm, hash, makeHpke, name }: Recipe): Promise<CiphersuiteImpl> {
  const mac = (key: Uint8Array, data: Uint8Array): Uint8Array => hmac(hash, key, data)
  const aead = { encrypt: encryptAesGcm, decrypt: decryptAesGcm }
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
    hpke: {
      ...(await makeGenericHpke(algorithm, aead, makeHpke())),
      // as it is thrown: ts-mls makes one error of a wrong tag and of a device that fails
      decryptAead: (key, nonce, aad, ciphertext) =>
        decryptAesGcm(key, nonce, aad ?? new Uint8Array(), ciphertext),
    },
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

async function encryptAesGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, ["encrypt"])
  const parameters = { name: "AES-GCM", iv: owned(nonce), additionalData: owned(aad) }
  return new Uint8Array(await crypto.subtle.encrypt(parameters, imported, owned(plaintext)))
}

async function decryptAesGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, ["decrypt"])
  const parameters = { name: "AES-GCM", iv: owned(nonce), additionalData: owned(aad) }
  return new Uint8Array(await crypto.subtle.decrypt(parameters, imported, owned(ciphertext)))
}
