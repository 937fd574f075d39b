/** HPKE's base mode (RFC 9180, section 5), one message each, as ts-mls asks for it. */

import type { Hpke, PrivateKey, PublicKey } from "ts-mls/crypto/hpke.js"
import { CryptoError } from "ts-mls/mlsError.js"
import { decryptAesGcm, encryptAesGcm } from "../base/aes_gcm.ts"
import { concat, randomBytes, utf8 } from "../base/bytes.ts"
import { u8, u16 } from "../base/tls.ts"
import type { Kem } from "./kems.ts"
import { type Hash, labelledKdf } from "./labelled.ts"

/** By IANA's numbers: the key derivation, the encryption and the size of its keys. */
export interface Schedule {
  readonly hash: Hash
  readonly kdf: 1 | 3
  readonly aead: 1 | 2
  readonly keySize: 16 | 32
}

const NONCE_SIZE = 12
/** More than any of the two takes. */
const SEED_SIZE = 64
const BASE_MODE = 0
const NOTHING = new Uint8Array()

// ts-mls hands keys on and never looks into them: here they are their bytes
const publicKeyOf = (bytes: Uint8Array): PublicKey => bytes as unknown as PublicKey
const privateKeyOf = (bytes: Uint8Array): PrivateKey => bytes as unknown as PrivateKey
const bytesOf = (key: PublicKey | PrivateKey): Uint8Array => key as unknown as Uint8Array

export function makeHpke(kem: Kem, { aead, hash, kdf: kdfId, keySize }: Schedule): Hpke {
  const kdf = labelledKdf(hash, concat(utf8("HPKE"), u16(kem.id), u16(kdfId), u16(aead)))
  /** Section 5.1, with no pre-shared key. */
  const schedule = (shared: Uint8Array, info: Uint8Array) => {
    const context = concat(
      u8(BASE_MODE),
      kdf.extract("", "psk_id_hash", NOTHING),
      kdf.extract("", "info_hash", info),
    )
    const secret = kdf.extract(shared, "secret", NOTHING)
    return {
      key: () => kdf.expand(secret, "key", context, keySize),
      nonce: () => kdf.expand(secret, "base_nonce", context, NONCE_SIZE),
      /** Section 5.3. */
      exported: (exporter: Uint8Array, size: number) =>
        kdf.expand(kdf.expand(secret, "exp", context, hash.outputLen), "sec", exporter, size),
    }
  }
  const decapsulated = (key: PrivateKey, encapsulated: Uint8Array, info: Uint8Array) =>
    schedule(kem.decapsulate(bytesOf(key), encapsulated), info)
  const pairOf = (secret: Uint8Array) => {
    const { privateKey, publicKey } = kem.derive(secret)
    return { privateKey: privateKeyOf(privateKey), publicKey: publicKeyOf(publicKey) }
  }
  return {
    open: async (key, encapsulated, ciphertext, info, aad = NOTHING) => {
      const { key: opening, nonce } = decapsulated(key, encapsulated, info)
      return decryptAesGcm(opening(), nonce(), aad, ciphertext)
    },
    seal: async (key, plaintext, info, aad = NOTHING) => {
      const [shared, enc] = kem.encapsulate(bytesOf(key))
      const { key: sealing, nonce } = schedule(shared, info)
      return { enc, ct: await encryptAesGcm(sealing(), nonce(), aad, plaintext) }
    },
    exportSecret: async (key, exporter, size, info) => {
      const [shared, enc] = kem.encapsulate(bytesOf(key))
      return { enc, secret: schedule(shared, info).exported(exporter, size) }
    },
    importSecret: async (key, exporter, encapsulated, size, info) =>
      decapsulated(key, encapsulated, info).exported(exporter, size),
    importPublicKey: async (key) => publicKeyOf(ofSize(key, kem.publicKeySize)),
    importPrivateKey: async (key) => privateKeyOf(ofSize(key, kem.privateKeySize)),
    exportPublicKey: async (key) => bytesOf(key),
    exportPrivateKey: async (key) => bytesOf(key),
    encryptAead: (key, nonce, aad, plaintext) => encryptAesGcm(key, nonce, aad ?? NOTHING, plaintext),
    // as it is thrown: one error for a wrong tag and for a device that fails would be too few (errors.ts)
    decryptAead: (key, nonce, aad, ciphertext) => decryptAesGcm(key, nonce, aad ?? NOTHING, ciphertext),
    deriveKeyPair: async (secret) => pairOf(secret),
    generateKeyPair: async () => pairOf(randomBytes(SEED_SIZE)),
    keyLength: keySize,
    nonceLength: NONCE_SIZE,
  }
}

function ofSize(key: Uint8Array, size: number): Uint8Array {
  if (key.length !== size) throw new CryptoError("a key of another size")
  return key
}
