/** A browser whose cryptography fails now and then, as when it is short of memory. */

import { vi } from "vitest"

const SUITE_1_KEY_BITS = 128
/** What HPKE seals is smaller: how that fails, its library tells nobody. */
const SEALED_BYTES = 150

/** Of the next GroupInfos of suite 1 so many are not decrypted; returns how many were not so far. */
export function failToDecrypt(times: number): () => number {
  const real = crypto.subtle.decrypt.bind(crypto.subtle)
  let failed = 0
  vi.spyOn(crypto.subtle, "decrypt").mockImplementation(async (algorithm, key, data) => {
    const { length } = key.algorithm as AesKeyAlgorithm
    const isMeant = length === SUITE_1_KEY_BITS && data.byteLength > SEALED_BYTES
    if (!isMeant || failed === times) return real(algorithm, key, data)
    failed += 1
    throw new DOMException("the browser failed", "UnknownError")
  })
  return () => failed
}
