/** What a person writes to make a room, and what is wrong with it. Pure. */

import type { RoomWish } from "../../model/contract.ts"

const MAX_RULES = 12
const MAX_RULE_CHARS = 300
const MAX_NAME_CHARS = 80
const MAX_WELCOME_CHARS = 2000
export const MAX_PARTIES = 12
const DAY_S = 24 * 3600
/** How long messages are kept, where a room says so; 0: until it is closed. */
export const RETENTIONS_S = [0, DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S, 365 * DAY_S] as const

export interface Making {
  readonly title: string
  readonly name: string
  readonly welcome: string
  readonly rules: string
  readonly parties: readonly string[]
  /** The letter of the own party; "": neutral. */
  readonly mine: string
  readonly retentionS: number
  readonly afterReading: boolean
  readonly history: RoomWish["history"]
  readonly admission: RoomWish["admission"]
  readonly suite: RoomWish["suite"]
}

export type Fault = "title" | "name" | "welcome" | "rules" | "parties"

/** A, B, C … */
export const letterAt = (at: number): string => String.fromCodePoint(65 + at)

export const linesOf = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")

export const charsOf = (text: string): number => [...text].length

const tidied = (text: string): string => text.trim().replaceAll(/\s+/g, " ")
const isSized = (text: string): boolean => charsOf(text) >= 1 && charsOf(text) <= MAX_NAME_CHARS

export const areRules = (text: string): boolean => {
  const lines = linesOf(text)
  return lines.length <= MAX_RULES && lines.every((line) => charsOf(line) <= MAX_RULE_CHARS)
}

export const isWelcome = (text: string): boolean => charsOf(text) <= MAX_WELCOME_CHARS

export function faultsOf(making: Making): readonly Fault[] {
  const parties = making.parties.map(tidied)
  const faults: readonly (readonly [Fault, boolean])[] = [
    ["title", !isSized(tidied(making.title))],
    ["name", !isSized(tidied(making.name))],
    ["rules", !areRules(making.rules)],
    ["welcome", !isWelcome(making.welcome)],
    ["parties", !parties.every(isSized) || new Set(parties).size < parties.length],
  ]
  return faults.filter(([, isFault]) => isFault).map(([fault]) => fault)
}

export function wishOf(making: Making, url: string): RoomWish {
  return {
    url,
    title: tidied(making.title),
    name: tidied(making.name),
    welcome: making.welcome.trim(),
    rules: linesOf(making.rules),
    parties: making.parties.map((name, at) => ({ id: letterAt(at).toLowerCase(), name: tidied(name) })),
    party: making.mine === "" ? undefined : making.mine,
    retention: { seconds: making.retentionS, after_reading: making.afterReading },
    history: making.history,
    admission: making.parties.length === 0 ? "any" : making.admission,
    suite: making.suite,
  }
}
