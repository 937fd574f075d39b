/** AES-GCM of the browser's: the tag stands behind the ciphertext. A wrong one is a DOMException (OperationError). */

import { type Bytes, owned } from "./bytes.ts"

type Parts = readonly [key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array]

export const encryptAesGcm = (...parts: Parts): Promise<Bytes> => run("encrypt", parts)

export const decryptAesGcm = (...parts: Parts): Promise<Bytes> => run("decrypt", parts)

async function run(way: "encrypt" | "decrypt", [key, nonce, aad, data]: Parts): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, [way])
  const parameters = { name: "AES-GCM", iv: owned(nonce), additionalData: owned(aad) }
  return new Uint8Array(await crypto.subtle[way](parameters, imported, owned(data)))
}
