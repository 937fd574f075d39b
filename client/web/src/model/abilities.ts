/** What this browser can do of what rooms need, found by doing it. */

import { randomBytes } from "../base/bytes.ts"
import { generateKey } from "../base/ed25519.ts"
import type { Suite } from "../mls/suites.ts"
import { makeMls } from "../mls/tsmls.ts"

export interface Abilities {
  /** Suites in which this browser made a group and left a message in it. */
  readonly suites: readonly Suite[]
  /** Whether what a person keeps here is still there when she comes back. */
  readonly isStorageKept: boolean
}

const SUITES: readonly Suite[] = [83, 1]

export async function findAbilities(nowS: number): Promise<Abilities> {
  const tried = await Promise.all(SUITES.map((suite) => isAble(suite, nowS)))
  return {
    suites: SUITES.filter((_, at) => tried[at]),
    isStorageKept: "indexedDB" in globalThis && (await navigator.storage?.persisted?.().catch(() => false)),
  }
}

async function isAble(suite: Suite, nowS: number): Promise<boolean> {
  try {
    const mls = makeMls(() => true)
    const group = await mls.create(randomBytes(16), {
      suite,
      identity: new Uint8Array(),
      leafKey: generateKey(),
      nowS,
    })
    await mls.encrypt(group, new Uint8Array(1), 256)
    return true
  } catch {
    return false // it has not the cryptography, or switched it off because the page came without TLS
  }
}
