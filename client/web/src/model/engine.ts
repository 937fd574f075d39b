/** The worker's side: everything that computes, decrypts or stores runs here, away from the page. */

import { answerCalls } from "./channel.ts"
import { makeEngine, type World } from "./lobby.ts"
import { openProfile } from "./store/database.ts"
import { memoryProfile } from "./store/memory.ts"
import { holdAlone } from "./store/tab.ts"

/** The name of the browser's database, and of the lock on it. */
const PROFILE = "backchannel"

const BROWSER: World = {
  clock: () => Math.floor(Date.now() / 1000),
  openProfile: async (isLasting) => (isLasting ? openProfile(PROFILE) : memoryProfile()),
  hasProfile: async () => {
    const known = await globalThis.indexedDB?.databases?.().catch(() => [])
    return known?.some(({ name }) => name === PROFILE) ?? false
  },
  holdProfile: () => holdAlone(PROFILE, navigator.locks),
}

answerCalls(
  globalThis,
  makeEngine(BROWSER, (news) => globalThis.postMessage(news)),
)
