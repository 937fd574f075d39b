/**
 * Which names seats, parties and rooms may have (PROTOCOL.md, section 9).
 *
 * No Unicode tables: the ranges stand here, so that all programs take and refuse the same for ever.
 */

/** In code points. */
const MAX_NAME_CHARS = 80
/** Persian and Hindi need them; they stand only between two other code points. */
const JOINERS = new Set([0x200c, 0x200d])

/** What is invisible, turns the direction of what follows, or means nothing. */
const FORBIDDEN: readonly (readonly [number, number])[] = [
  [0x0, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xd800, 0xf8ff],
  [0xfdd0, 0xfdef],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xe0000, 0x10ffff],
]

export function isName(text: string): boolean {
  const codes = Array.from(text, (one) => one.codePointAt(0) ?? 0)
  const isSpaced = text.startsWith(" ") || text.endsWith(" ") || text.includes("  ")
  return (
    codes.length >= 1 &&
    codes.length <= MAX_NAME_CHARS &&
    !isSpaced &&
    areJoinersBetween(codes) &&
    !codes.some(isForbidden)
  )
}

/** What two names of one room may not share: A–Z made small, joiners taken out. */
export const nameKey = (name: string): string =>
  name.replaceAll(/[\u200c\u200d]/g, "").replaceAll(/[A-Z]/g, (one) => one.toLowerCase())

/** No joiner stands elsewhere than between two other code points. */
export const areJoinersBetween = (codes: readonly number[]): boolean =>
  codes.every((code, at) => {
    const before = codes[at - 1]
    const after = codes[at + 1]
    return !JOINERS.has(code) || (before !== undefined && after !== undefined && !JOINERS.has(after))
  })

export function isForbidden(code: number): boolean {
  const isLastOfPlane = (code & 0xfffe) === 0xfffe
  return isLastOfPlane || FORBIDDEN.some(([first, last]) => first <= code && code <= last)
}
