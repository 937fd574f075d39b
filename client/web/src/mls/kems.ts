/**
 * The two key encapsulations of the suites: DHKEM(X25519, HKDF-SHA256) (RFC 9180, section 4.1) and X-Wing
 * (draft-connolly-cfrg-xwing-kem). The primitives are @noble's and mlkem's; this is how the specifications join them.
 */

import { x25519 } from "@noble/curves/ed25519.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { createMlKem768, sha3_256, shake256 } from "mlkem"
import { CryptoError } from "ts-mls/mlsError.js"
import { concat, KEY_SIZE, randomBytes, utf8 } from "../base/bytes.ts"
import { u16 } from "../base/tls.ts"
import { isExhaustion } from "./errors.ts"
import { type Kdf, labelledKdf } from "./labelled.ts"

export interface KeyPair {
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
}

export interface Kem {
  readonly id: number
  readonly publicKeySize: number
  readonly privateKeySize: number
  /** The key pair that comes of a secret, always the same one. */
  readonly derive: (secret: Uint8Array) => KeyPair
  readonly encapsulate: (publicKey: Uint8Array) => readonly [secret: Uint8Array, encapsulated: Uint8Array]
  /** Throws CryptoError for what nobody encapsulated. */
  readonly decapsulate: (privateKey: Uint8Array, encapsulated: Uint8Array) => Uint8Array
}

const publicOf = (privateKey: Uint8Array): Uint8Array => x25519.getPublicKey(privateKey)

/** Throws CryptoError for a public key of small order (RFC 7748, section 6.1). */
const agree = (privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array =>
  orCryptoError(() => x25519.getSharedSecret(privateKey, publicKey))

function orCryptoError<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw isExhaustion(error) ? error : new CryptoError("no key")
  }
}

const DH_ID = 0x20

export function dhkemX25519(): Kem {
  const kdf: Kdf = labelledKdf(sha256, concat(utf8("KEM"), u16(DH_ID)))
  const secretOf = (agreed: Uint8Array, encapsulated: Uint8Array, publicKey: Uint8Array): Uint8Array =>
    kdf.expand(kdf.extract("", "eae_prk", agreed), "shared_secret", concat(encapsulated, publicKey), KEY_SIZE)
  const derive = (secret: Uint8Array): KeyPair => {
    const privateKey = kdf.expand(kdf.extract("", "dkp_prk", secret), "sk", new Uint8Array(), KEY_SIZE)
    return { privateKey, publicKey: publicOf(privateKey) }
  }
  return {
    id: DH_ID,
    publicKeySize: KEY_SIZE,
    privateKeySize: KEY_SIZE,
    derive,
    encapsulate: (publicKey) => {
      const own = derive(randomBytes(KEY_SIZE))
      return [secretOf(agree(own.privateKey, publicKey), own.publicKey, publicKey), own.publicKey]
    },
    decapsulate: (privateKey, encapsulated) =>
      secretOf(agree(privateKey, encapsulated), encapsulated, publicOf(privateKey)),
  }
}

const XWING_ID = 0x647a
const ML_KEM_PUBLIC_KEY_SIZE = 1184
const ML_KEM_CIPHERTEXT_SIZE = 1088
const ML_KEM_SEED_SIZE = 64
const XWING_LABEL = utf8("\\.//^\\")

export async function xWing(): Promise<Kem> {
  const mlKem = await createMlKem768()
  const shake = (secret: Uint8Array, size: number): Uint8Array =>
    shake256.create({ dkLen: size }).update(secret).digest()
  /** Both halves of a pair, of a private key (section 5.2). */
  const expand = (privateKey: Uint8Array) => {
    const seeds = shake(privateKey, ML_KEM_SEED_SIZE + KEY_SIZE)
    const [mlPublic, mlPrivate] = mlKem.deriveKeyPair(seeds.subarray(0, ML_KEM_SEED_SIZE))
    const dhPrivate = seeds.subarray(ML_KEM_SEED_SIZE)
    return { mlPublic, mlPrivate, dhPrivate, dhPublic: publicOf(dhPrivate) }
  }
  const combine = (...parts: readonly Uint8Array[]): Uint8Array => sha3_256(concat(...parts, XWING_LABEL))
  return {
    id: XWING_ID,
    publicKeySize: ML_KEM_PUBLIC_KEY_SIZE + KEY_SIZE,
    privateKeySize: KEY_SIZE,
    derive: (secret) => {
      const privateKey = shake(secret, KEY_SIZE)
      const { mlPublic, dhPublic } = expand(privateKey)
      return { privateKey, publicKey: concat(mlPublic, dhPublic) }
    },
    encapsulate: (publicKey) => {
      const theirs = publicKey.subarray(ML_KEM_PUBLIC_KEY_SIZE)
      const own = randomBytes(KEY_SIZE)
      const [mlCiphertext, mlSecret] = orCryptoError(() =>
        mlKem.encap(publicKey.subarray(0, ML_KEM_PUBLIC_KEY_SIZE)),
      )
      const dhCiphertext = publicOf(own)
      return [combine(mlSecret, agree(own, theirs), dhCiphertext, theirs), concat(mlCiphertext, dhCiphertext)]
    },
    decapsulate: (privateKey, encapsulated) => {
      const { mlPrivate, dhPrivate, dhPublic } = expand(privateKey)
      const dhCiphertext = encapsulated.subarray(ML_KEM_CIPHERTEXT_SIZE)
      const mlSecret = orCryptoError(() =>
        mlKem.decap(encapsulated.subarray(0, ML_KEM_CIPHERTEXT_SIZE), mlPrivate),
      )
      return combine(mlSecret, agree(dhPrivate, dhCiphertext), dhCiphertext, dhPublic)
    },
  }
}
