/** Our HPKE beside that of @hpke, for both suites: each opens what the other sealed, and derives what the other does. */

import { Aes128Gcm, Aes256Gcm, CipherSuite, HkdfSha256, HkdfSha512 } from "@hpke/core"
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519"
import { XWing } from "@hpke/hybridkem-x-wing"
import type { Hpke } from "ts-mls/crypto/hpke.js"
import { describe, expect, test } from "vitest"
import { type Bytes, owned, randomBytes, utf8 } from "../../src/base/bytes.ts"
import { primitivesOf, type Suite } from "../../src/mls/suites.ts"

const THEIRS: Readonly<Record<Suite, CipherSuite>> = {
  1: new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() }),
  83: new CipherSuite({ kem: new XWing(), kdf: new HkdfSha512(), aead: new Aes256Gcm() }),
}
const SECRET_SIZE: Readonly<Record<Suite, number>> = { 1: 32, 83: 64 }
const INFO = utf8("what it is for")
const AAD = utf8("beside it")
const SAID = utf8("Let us meet on Thursday. ".repeat(9))

interface Pair {
  readonly privateKey: Bytes
  readonly publicKey: Bytes
}

async function derivedByUs(hpke: Hpke, secret: Bytes): Promise<Pair> {
  const { privateKey, publicKey } = await hpke.deriveKeyPair(secret)
  return {
    privateKey: owned(await hpke.exportPrivateKey(privateKey)),
    publicKey: owned(await hpke.exportPublicKey(publicKey)),
  }
}

async function derivedByThem({ kem }: CipherSuite, secret: Bytes): Promise<Pair> {
  const { privateKey, publicKey } = await kem.deriveKeyPair(secret.buffer)
  return {
    privateKey: new Uint8Array(await kem.serializePrivateKey(privateKey)),
    publicKey: new Uint8Array(await kem.serializePublicKey(publicKey)),
  }
}

describe.each([1, 83] as const)("suite %i", (suite) => {
  const theirs = THEIRS[suite]
  const ours = primitivesOf(suite).then((primitives) => primitives.hpke)
  const newPair = async () => derivedByUs(await ours, randomBytes(SECRET_SIZE[suite]))

  test("a secret gives the same key pair", async () => {
    for (let round = 0; round < 3; round++) {
      const secret = randomBytes(SECRET_SIZE[suite])
      expect(await derivedByUs(await ours, secret)).toEqual(await derivedByThem(theirs, secret))
    }
  })

  test("they open what we sealed", async () => {
    const [hpke, pair] = [await ours, await newPair()]
    const { ct, enc } = await hpke.seal(await hpke.importPublicKey(pair.publicKey), SAID, INFO, AAD)
    const recipientKey = await theirs.kem.deserializePrivateKey(pair.privateKey.buffer)
    const opened = await theirs.open({ recipientKey, enc: owned(enc), info: INFO }, owned(ct), AAD)
    expect(new Uint8Array(opened)).toEqual(SAID)
  })

  test("we open what they sealed", async () => {
    const [hpke, pair] = [await ours, await newPair()]
    const recipientPublicKey = await theirs.kem.deserializePublicKey(pair.publicKey.buffer)
    const { ct, enc } = await theirs.seal({ recipientPublicKey, info: INFO }, SAID, AAD)
    const key = await hpke.importPrivateKey(pair.privateKey)
    expect(await hpke.open(key, new Uint8Array(enc), new Uint8Array(ct), INFO, AAD)).toEqual(SAID)
  })

  test("an exported secret is the same at both", async () => {
    const [hpke, pair] = [await ours, await newPair()]
    const ourKey = await hpke.importPublicKey(pair.publicKey)
    const { enc, secret } = await hpke.exportSecret(ourKey, utf8("of what"), 48, INFO)
    const recipientKey = await theirs.kem.deserializePrivateKey(pair.privateKey.buffer)
    const context = await theirs.createRecipientContext({ recipientKey, enc: owned(enc), info: INFO })
    expect(new Uint8Array(await context.export(utf8("of what"), 48))).toEqual(secret)
    const key = await hpke.importPrivateKey(pair.privateKey)
    expect(await hpke.importSecret(key, utf8("of what"), enc, 48, INFO)).toEqual(secret)
  })

  test("what was changed anywhere is not opened", async () => {
    const [hpke, pair] = [await ours, await newPair()]
    const key = await hpke.importPrivateKey(pair.privateKey)
    const { ct, enc } = await hpke.seal(await hpke.importPublicKey(pair.publicKey), SAID, INFO, AAD)
    const flipped = (data: Uint8Array, at: number) =>
      data.map((byte, index) => (index === at ? byte ^ 1 : byte))
    for (const opening of [
      hpke.open(key, flipped(enc, 0), ct, INFO, AAD),
      hpke.open(key, flipped(enc, enc.length - 2), ct, INFO, AAD),
      hpke.open(key, enc, flipped(ct, 0), INFO, AAD),
      hpke.open(key, enc, flipped(ct, ct.length - 1), INFO, AAD),
      hpke.open(key, enc, ct, flipped(INFO, 0), AAD),
      hpke.open(key, enc, ct, INFO, flipped(AAD, 0)),
    ])
      await expect(opening).rejects.toThrow(DOMException)
  })

  test("keys and ciphertexts that are none are refused as cryptography's", async () => {
    const [hpke, pair] = [await ours, await newPair()]
    const key = await hpke.importPrivateKey(pair.privateKey)
    const { ct, enc } = await hpke.seal(await hpke.importPublicKey(pair.publicKey), SAID, INFO, AAD)
    const ofSmallOrder = owned(enc).fill(0, -32)
    for (const wrong of [enc.subarray(1), new Uint8Array(), ofSmallOrder, new Uint8Array([...enc, 0])])
      await expect(hpke.open(key, wrong, ct, INFO, AAD)).rejects.toMatchObject({ name: "CryptoError" })
    await expect(hpke.importPublicKey(pair.publicKey.subarray(1))).rejects.toMatchObject({
      name: "CryptoError",
    })
    await expect(hpke.importPrivateKey(new Uint8Array(31))).rejects.toMatchObject({ name: "CryptoError" })
  })
})
