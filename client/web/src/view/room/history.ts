/** What was said in the open room, as far as this page has it: by number, filled from the newest backwards. */

import type { Entry } from "../../model/contract.ts"

export type Message = Extract<Entry, { readonly kind: "message" }>

/** Acts that are the machinery's: nobody needs to read them. */
const SILENT_ACTS: ReadonlySet<string> = new Set(["confirm", "disclose", "inbox", "knock"])

export interface History {
  readonly entries: readonly (Entry | undefined)[]
  /** How many there were when the room was opened: what comes beyond is new. undefined before the first news. */
  readonly first: number | undefined
  /** Of messages, by id. */
  numberOf(message: string): number | undefined
  messageOf(id: string): Message | undefined
  /** A seat's name, also of one that is gone. */
  nameOf(seat: string): string | undefined
  /** The entry that is shown before one. */
  shownBefore(number: number): Entry | undefined
  take(entries: readonly Entry[], total: number): void
}

export const isShown = (entry: Entry | undefined): boolean =>
  entry !== undefined && !(entry.kind === "governed" && SILENT_ACTS.has(entry.type))

export function makeHistory(): History {
  const all: (Entry | undefined)[] = []
  const messages = new Map<string, number>()
  const names = new Map<string, string>()
  let first: number | undefined
  const put = (entry: Entry): void => {
    all[entry.number] = entry
    if (entry.kind === "message") messages.set(entry.id, entry.number)
    const named = nameIn(entry)
    if (named !== undefined) names.set(...named)
  }
  const messageAt = (number: number | undefined): Message | undefined => {
    const entry = number === undefined ? undefined : all[number]
    return entry?.kind === "message" ? entry : undefined
  }
  return {
    entries: all,
    get first() {
      return first
    },
    numberOf: (message) => messages.get(message),
    messageOf: (id) => messageAt(messages.get(id)),
    nameOf: (seat) => names.get(seat),
    shownBefore: (number) => {
      let at = number - 1
      while (at >= 0 && all[at] !== undefined && !isShown(all[at])) at -= 1
      return all[at]
    },
    take: (entries, total) => {
      first ??= total
      if (all.length < total) all.length = total
      for (const entry of entries) put(entry)
    },
  }
}

function nameIn(entry: Entry): [string, string] | undefined {
  if (entry.kind === "message") return [entry.seat, entry.name]
  if (entry.kind === "joined") return [entry.joined, entry.name]
  if (entry.kind === "left") return [entry.left, entry.name]
  return undefined
}

/** Messages that hold all the words, the newest first. */
export function find(
  entries: readonly (Entry | undefined)[],
  wanted: string,
  most: number,
): readonly Message[] {
  const parts = folded(wanted)
    .split(/\s+/)
    .filter((part) => part !== "")
  const found: Message[] = []
  if (parts.length === 0) return found
  for (let at = entries.length - 1; at >= 0 && found.length < most; at -= 1) {
    const entry = entries[at]
    if (entry?.kind !== "message" || entry.text === undefined) continue
    const text = folded(`${entry.name} ${entry.text}`)
    if (parts.every((part) => text.includes(part))) found.push(entry)
  }
  return found
}

/** Without what does not matter to who looks for a word: case, and marks above and below letters. */
const folded = (text: string): string => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLocaleLowerCase()

/** What a message says, or else what its files are called; undefined where it is gone. */
export const textOf = ({ attachments = [], text }: Message): string | undefined =>
  text === "" ? attachments.map(({ name }) => name).join(", ") : text
