/**
 * What a message says of a file that goes with it (PROTOCOL.md, section 12a).
 *
 * Where the blob is, its key, and what it was called: all of that stands in the encrypted message alone.
 */

import { utf8 } from "../../base/bytes.ts"
import { MAX_ATTACHMENTS, MAX_BLOB_BYTES } from "../limits.ts"
import { areJoinersBetween, isForbidden } from "./names.ts"
import { refuse } from "./refusals.ts"
import { type Check, list, naturalUpTo, object, pattern } from "./schema.ts"
import { id, key } from "./state.ts"

/** In UTF-8: what the file systems of our days take. */
export const MAX_FILE_NAME_BYTES = 255
/** What separates folders, or means something, on one system or another. */
export const FILE_MARK = /[/\\:*?"<>|]/

const MEDIA_TYPE = /^[a-z0-9][a-z0-9.+_-]{0,62}\/[a-z0-9][a-z0-9.+_-]{0,62}$/
/** Two halves of RFC 6838, small, without parameters: the author's word, by which nothing is run. */
export const isMediaType = (text: string): boolean => MEDIA_TYPE.test(text)

const codesOf = (text: string): readonly number[] => Array.from(text, (one) => one.codePointAt(0) ?? 0)

/** Whether a text may be the name of an attachment: of a file, in no folder, that is not hidden. */
export const isFileName = (text: string): boolean =>
  text !== "" &&
  !/^[ .]|[ .]$/.test(text) &&
  !FILE_MARK.test(text) &&
  areJoinersBetween(codesOf(text)) &&
  !codesOf(text).some(isForbidden) &&
  utf8(text).length <= MAX_FILE_NAME_BYTES

const fileName: Check<string> = (value) =>
  typeof value === "string" && isFileName(value) ? value : refuse("body-malformed")

/** A file. `size` is that of its content in bytes, before padding. */
const attachment = object({
  blob: id,
  key,
  size: naturalUpTo(MAX_BLOB_BYTES),
  name: fileName,
  type: pattern(MEDIA_TYPE),
})
export type Attachment = ReturnType<typeof attachment>

/** Of a message that has some; of one that has none, the member is not there. */
export const attachments = list(attachment, MAX_ATTACHMENTS, 1)
