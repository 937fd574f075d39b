/** What files are called, and what kind they are by themselves. */

import { utf8 } from "../base/bytes.ts"
import { FILE_MARK, isFileName, isMediaType, MAX_FILE_NAME_BYTES } from "../protocol/room/attachments.ts"
import { isForbidden } from "../protocol/room/names.ts"

const MOST_ENDING = 16
const SOME_FILE = "attachment"
const SOME_TYPE = "application/octet-stream"

/** The nearest text that may be the name of an attachment; its ending stays where it is too long. */
export function fileNameOf(text: string): string {
  const plain = Array.from(text, (one) =>
    FILE_MARK.test(one) || isForbidden(one.codePointAt(0) ?? 0) ? "_" : one,
  )
    .join("")
    .replace(/^[ .]+|[ .]+$/g, "")
  const joined = isFileName(plain) ? plain : plain.replace(/[\u200c\u200d]/g, "")
  const dot = joined.lastIndexOf(".")
  const ending = dot > 0 && joined.length - dot <= MOST_ENDING ? joined.slice(dot) : ""
  const stem = shortened(joined.slice(0, joined.length - ending.length), utf8(ending).length)
  const made = stem.replace(/[ .]+$/, "") + ending
  return isFileName(made) ? made : SOME_FILE
}

/** Whole code points that fit into a name beside so many bytes. */
function shortened(text: string, beside: number): string {
  let [size, made] = [beside, ""]
  for (const one of text) {
    size += utf8(one).length
    if (size > MAX_FILE_NAME_BYTES) break
    made += one
  }
  return made
}

/** A browser's word for a kind of file, without parameters. */
export function mediaTypeOf(text: string): string {
  const plain = (text.split(";")[0] ?? "").trim().toLowerCase()
  return isMediaType(plain) ? plain : SOME_TYPE
}

/** By what stands at the beginning. No SVG: that is a program. */
const SIGNS: readonly (readonly [type: string, at: number, sign: string])[] = [
  ["image/jpeg", 0, "\xff\xd8\xff"],
  ["image/png", 0, "\x89PNG\r\n\x1a\n"],
  ["image/gif", 0, "GIF8"],
  ["image/webp", 8, "WEBP"],
]

/** Which picture the bytes are, of those that a page may show; undefined where they are none. */
export function pictureIn(bytes: Uint8Array): string | undefined {
  const begin = String.fromCharCode(...bytes.subarray(0, 12))
  return SIGNS.find(([, at, sign]) => begin.startsWith(sign, at))?.[0]
}

export const isPictureType = (type: string): boolean => SIGNS.some(([one]) => one === type)
