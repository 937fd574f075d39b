/** New messages for a screen reader: gathered, and said together after a while. */

import type { Catalogue } from "./words/en.ts"

export interface Heard {
  readonly name: string
  readonly text: string
}

/** At most one announcement in so long. */
const EVERY_MS = 4000
const MOST_CHARS = 200

export interface Announcer {
  add(heard: Heard): void
  stop(): void
}

/** One alone is read out; of several it is said how many there are, and from whom. */
export function announcementOf(heard: readonly Heard[], words: Catalogue): string {
  const [only, ...others] = heard
  if (only === undefined) return ""
  if (others.length === 0) return words.message.heardOne(only.name, shortened(only.text))
  return words.message.heard(heard.length, [...new Set(heard.map((one) => one.name))])
}

const shortened = (text: string): string => {
  const chars = [...text]
  return chars.length <= MOST_CHARS ? text : `${chars.slice(0, MOST_CHARS).join("")}…`
}

/** `later` runs something after so many milliseconds, and gives what stops it. */
export function makeAnnouncer(
  say: (heard: readonly Heard[]) => void,
  later: (work: () => void, ms: number) => () => void = inTime,
): Announcer {
  let waiting: Heard[] = []
  let stopTimer: (() => void) | undefined
  const speak = (): void => {
    stopTimer = undefined
    const heard = waiting
    waiting = []
    if (heard.length > 0) say(heard)
  }
  return {
    add: (heard) => {
      waiting.push(heard)
      stopTimer ??= later(speak, EVERY_MS)
    },
    stop: () => {
      stopTimer?.()
      stopTimer = undefined
      waiting = []
    },
  }
}

function inTime(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms)
  return () => clearTimeout(timer)
}
