/** What stands in the composer, and what becomes of it when it is sent. Pure. */

import type { Draft } from "../../model/contract.ts"

export const MOST_CHARS = 20_000
/** With one message; a test compares them with the protocol's. */
export const MOST_FILES = 4
export const MOST_FILE_BYTES = 25 << 20

/** In code points, as the protocol counts; 0 where it fits. */
export const charsOver = (text: string): number =>
  text.length <= MOST_CHARS ? 0 : Math.max(0, [...text].length - MOST_CHARS)

/** What is sent: without what stands around the words. */
export const ready = (draft: Draft): Draft => ({ ...draft, text: draft.text.trim() })

export const isReady = (draft: Draft, fileCount = 0): boolean =>
  (draft.text.trim() !== "" || fileCount > 0) && charsOver(draft.text.trim()) === 0

/** After sending: what was written since is left; what was chosen about quoting and keeping goes on to hold. */
export const emptied = (sent: Draft, since: Draft): Draft => ({
  ...since,
  text: since.text.trimStart().startsWith(sent.text)
    ? since.text.trimStart().slice(sent.text.length).trimStart()
    : since.text,
  replyTo: since.replyTo === sent.replyTo ? undefined : since.replyTo,
})
