/**
 * Sealing what is stored: AES-256-GCM under a key that no script can read, ours included. Whoever copies the browser's
 * files gets it with them, unless the system protects them; whoever injects a script cannot carry it away.
 */

import { type Bytes, b64u, concat, owned, randomBytes, utf8 } from "../../base/bytes.ts"

const NONCE_SIZE = 12

export const DAMAGED = "What this browser kept is damaged. Ask a facilitator to admit this device again."

export class StoreError extends Error {
  readonly code: "profile-damaged" | "profile-exists" | "storage-unavailable"

  constructor(code: StoreError["code"], sentence: string, cause?: unknown) {
    super(sentence, { cause })
    this.name = "StoreError"
    this.code = code
  }
}

/** A profile's keys: one seals values, the other hides names. */
export interface Keys {
  readonly values: CryptoKey
  readonly names: CryptoKey
}

export async function generateKeys(): Promise<Keys> {
  const values = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ])
  const names = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"])
  return { values, names }
}

/** What stands for a name, which would tell how a room is made up. */
export const hidden = async ({ names }: Keys, name: string): Promise<string> =>
  b64u(new Uint8Array(await crypto.subtle.sign("HMAC", names, utf8(name))))

/** A value, bound to the place where it stands. */
export async function seal({ values }: Keys, place: string, value: Uint8Array): Promise<Bytes> {
  const iv = randomBytes(NONCE_SIZE)
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(place) }
  return concat(iv, new Uint8Array(await crypto.subtle.encrypt(parameters, values, owned(value))))
}

/** Throws `profile-damaged` where the value is not what was sealed for that place. */
export async function unseal({ values }: Keys, place: string, sealed: Uint8Array): Promise<Bytes> {
  const iv = owned(sealed.subarray(0, NONCE_SIZE))
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(place) }
  try {
    const ciphertext = owned(sealed.subarray(NONCE_SIZE))
    return new Uint8Array(await crypto.subtle.decrypt(parameters, values, ciphertext))
  } catch (error) {
    throw new StoreError("profile-damaged", DAMAGED, error)
  }
}
