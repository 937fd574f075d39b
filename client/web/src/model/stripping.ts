/**
 * Pictures without what they tell beside what is seen: where and when they were taken, by which camera, by whom.
 *
 * Each function copies what shows the picture and leaves out all else, also what stands behind its end. Undefined: the
 * bytes are no such picture.
 */

import { type Bytes, concat } from "../base/bytes.ts"

const text = (bytes: Uint8Array, at: number, size: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + size))
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** JPEG (ITU T.81, annex B): of the applications' segments those of JFIF, of colours, and Adobe's of colours. */
function jpeg(bytes: Uint8Array): Bytes | undefined {
  const view = viewOf(bytes)
  const kept = [bytes.subarray(0, 2)]
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1)
    if (marker === 0xd9) return concat(...kept, bytes.subarray(at, at + 2))
    let end = at + 2 + view.getUint16(at + 2)
    if (marker === 0xda) end = endOfScan(bytes, end)
    if (isSeen(marker, text(bytes, at + 4, 11))) kept.push(bytes.subarray(at, end))
    at = end
  }
  return undefined
}

function isSeen(marker: number, begin: string): boolean {
  const isApplication = marker >= 0xe0 && marker <= 0xef
  if (!isApplication) return marker !== 0xfe
  return marker === 0xe0 || marker === 0xee || (marker === 0xe2 && begin === "ICC_PROFILE")
}

/** Where the next marker stands: not a stuffed byte, not one that a scan restarts with. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at
  }
  return bytes.length
}

const PNG_KEPT = /^(?:IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|sBIT|bKGD|pHYs|acTL|fcTL|fdAT)$/

/** PNG (section 5.3): its chunks by their names. */
function png(bytes: Uint8Array): Bytes | undefined {
  const view = viewOf(bytes)
  const kept = [bytes.subarray(0, 8)]
  for (let at = 8; at < bytes.length; ) {
    const name = text(bytes, at + 4, 4)
    const end = at + 12 + view.getUint32(at)
    if (PNG_KEPT.test(name)) kept.push(bytes.subarray(at, end))
    if (name === "IEND") return concat(...kept)
    at = end
  }
  return undefined
}

const WEBP_KEPT = /^(?:VP8[ LX]|ALPH|ANIM|ANMF|ICCP)$/
/** In VP8X: that EXIF and XMP follow. */
const WEBP_FLAGS = 0x0c

/** WebP (RFC 9649, section 2): its chunks by their names, and of what the file says that it has, what it has. */
function webp(bytes: Uint8Array): Bytes | undefined {
  const view = viewOf(bytes)
  const kept = [bytes.slice(0, 12)]
  const whole = Math.min(bytes.length, 8 + view.getUint32(4, true))
  for (let at = 12; at < whole; ) {
    const size = view.getUint32(at + 4, true)
    const end = at + 8 + size + (size % 2)
    const name = text(bytes, at, 4)
    const chunk = bytes.slice(at, end)
    if (name === "VP8X") chunk[8] = (chunk[8] ?? 0) & ~WEBP_FLAGS
    if (WEBP_KEPT.test(name)) kept.push(chunk)
    at = end
  }
  const made = concat(...kept)
  viewOf(made).setUint32(4, made.length - 8, true)
  return kept.length > 1 ? made : undefined
}

/** GIF89a: pictures, their control, and how often an animation repeats. */
function gif(bytes: Uint8Array): Bytes | undefined {
  const view = viewOf(bytes)
  let at = 13 + tableSize(view.getUint8(10))
  const kept = [bytes.subarray(0, at)]
  for (;;) {
    const [from, kind] = [at, view.getUint8(at)]
    if (kind === 0x3b) return concat(...kept, bytes.subarray(at, at + 1))
    if (kind !== 0x2c && kind !== 0x21) return undefined
    const label = view.getUint8(at + 1)
    at += kind === 0x21 ? 2 : 11 + tableSize(view.getUint8(at + 9))
    const begin = text(bytes, at + 1, 11)
    while (view.getUint8(at) !== 0) at += 1 + view.getUint8(at)
    at += 1
    if (kind === 0x2c || label === 0xf9 || (label === 0xff && begin === "NETSCAPE2.0"))
      kept.push(bytes.subarray(from, at))
  }
}

/** Of a table of colours, by the byte that says how large it is. */
const tableSize = (flags: number): number => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)

const BY_TYPE: Readonly<Record<string, (bytes: Uint8Array) => Bytes | undefined>> = {
  "image/jpeg": jpeg,
  "image/png": png,
  "image/webp": webp,
  "image/gif": gif,
}

export function stripped(bytes: Uint8Array, type: string): Bytes | undefined {
  try {
    return BY_TYPE[type]?.(bytes)
  } catch (error) {
    if (error instanceof RangeError) return undefined // it ends before it should
    throw error
  }
}
