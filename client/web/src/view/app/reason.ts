/** Reasons as sentences: never a bare code. */

import type { Reason } from "../../model/contract.ts"
import type { Catalogue } from "../words/en.ts"

/** What a call failed with. */
export function reasonOf(error: unknown): Reason {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  return { code: typeof code === "string" ? code : "internal" }
}

/** What it means and what to do, with the time and the parties that it names. */
export function sentenceOf(reason: Reason, words: Catalogue): string {
  const { code, time, parties } = reason
  if (code === "waiting-for-facilitator" && parties !== undefined && parties.length > 0)
    return words.reasonParties(parties)
  const sentences: Readonly<Record<string, string>> = words.reasons
  const sentence = Object.hasOwn(sentences, code) ? sentences[code] : undefined
  const said = sentence ?? words.reasonUnknown
  return time === undefined || time === 0 ? said : `${said} ${words.reasonTime(words.say.moment(time))}`
}
