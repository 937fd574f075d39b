/** What happened in a room, as it is shown and kept (`Entry` of the contract), and how it is stored. */

import { type Bytes, parseUtf8, utf8 } from "../../base/bytes.ts"
import type { Entry } from "../contract.ts"

type Unplaced<E> = E extends unknown ? Omit<E, "number"> : never

/** An entry that has no number yet. */
export type NewEntry = Unplaced<Entry>

export type MessageEntry = Extract<Entry, { readonly kind: "message" }>

/** What an event tells: new entries, and messages that were taken back. */
export type Fact = NewEntry | Retracted

/** The author took a message back; `message` is its id. */
export interface Retracted {
  readonly kind: "retracted"
  readonly message: string
}

/** Why the text of a message is gone. */
export type Gone = Exclude<MessageEntry["gone"], "">

export const isMessage = (entry: Entry): entry is MessageEntry => entry.kind === "message"

/** The message with its place and without its text. */
export const withoutText = (message: MessageEntry, gone: Gone): MessageEntry =>
  message.text === undefined ? message : { ...message, text: undefined, attachments: undefined, gone }

// ---- storage: blocks of entries that follow one another, so that thousands are read at once

/** A block ends with so many entries, or so many characters. */
const BLOCK_ENTRIES = 64
const BLOCK_CHARS = 16_384

/** Entries `from` and following, as they are stored in one row. */
export const encodeBlock = (entries: readonly Entry[]): Bytes =>
  utf8(JSON.stringify(entries.map(({ number: _, ...entry }) => entry)))

export const parseBlock = (from: number, row: Uint8Array): readonly Entry[] =>
  (JSON.parse(parseUtf8(row)) as readonly NewEntry[]).map((entry, at) => ({ ...entry, number: from + at }))

/** Whether a block is full with what it has. */
export const isFull = (entries: readonly Entry[]): boolean =>
  entries.length >= BLOCK_ENTRIES || entries.reduce((size, entry) => size + sizeOf(entry), 0) >= BLOCK_CHARS

const sizeOf = (entry: Entry): number =>
  entry.kind === "message" ? (entry.text?.length ?? 0) + 256 * (entry.attachments?.length ?? 0) : 128
