/** TLS presentation language as RFC 9420, section 2.1, uses it: big-endian integers and vectors. */

import { type Bytes, concat } from "./bytes.ts"

export const u8 = (value: number): Bytes => new Uint8Array([value])

export const u16 = (value: number): Bytes => new Uint8Array([value >> 8, value])

/** Of a number up to 2⁵³ − 1. */
export function u64(value: number): Bytes {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(value))
  return new Uint8Array(view.buffer)
}

/** opaque data<V>: a length of 1, 2 or 4 bytes in its shortest form, then the data (2.1.2). */
export function vector(data: Uint8Array): Bytes {
  const size = data.length
  if (size < 0x40) return concat(u8(size), data)
  if (size < 0x4000) return concat(u16(size | 0x4000), data)
  return concat(u16((size >>> 16) | 0x8000), u16(size & 0xffff), data)
}
