/**
 * msgpack, as much of it as frames use: nil, booleans, numbers from 0 to 2⁵³ − 1, bytes, text, arrays.
 *
 * Written here rather than taken from a library: what is read is checked against its type as it is read, so nothing of
 * another type, size or depth is ever built, and it is a fifth of a general library's size. A value of another kind
 * (map, float, extension) can only stand in a field that this version does not know, and is stepped over.
 */

import { type Bytes, parseUtf8, utf8 } from "../base/bytes.ts"
import { RemoteProtocolError } from "./errors.ts"

export type Packable = null | boolean | number | string | Uint8Array | readonly Packable[]

/** How deep values that are stepped over may stand in one another. */
const MAX_DEPTH = 64

export function pack(value: Packable): Bytes {
  const out: number[] = []
  write(out, value)
  return new Uint8Array(out)
}

/** The one value in `data`, with nothing behind it. Throws `malformed`. */
export function unpack<T>(data: Uint8Array, read: (reader: Reader) => T): T {
  const reader = new Reader(data)
  const value = read(reader)
  if (!reader.isAtEnd()) malformed()
  return value
}

export function malformed(): never {
  throw new RemoteProtocolError("malformed")
}

// ---- writing: always the shortest form

function write(out: number[], value: Packable): void {
  if (value === null) out.push(0xc0)
  else if (typeof value === "boolean") out.push(value ? 0xc3 : 0xc2)
  else if (typeof value === "number") writeNumber(out, value)
  else if (typeof value === "string") writeText(out, value)
  else if (value instanceof Uint8Array) {
    writeSize(out, value.length, [0xc4, 0xc5, 0xc6])
    append(out, value)
  } else {
    if (value.length < 16) out.push(0x90 | value.length)
    else writeSize(out, value.length, [undefined, 0xdc, 0xdd])
    for (const item of value) write(out, item)
  }
}

function writeNumber(out: number[], value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("not a number of the protocol")
  if (value < 0x80) out.push(value)
  else if (value > 0xffff_ffff) {
    out.push(0xcf)
    append(out, bigEndian(Math.floor(value / 2 ** 32), 4))
    append(out, bigEndian(value % 2 ** 32, 4))
  } else writeSize(out, value, [0xcc, 0xcd, 0xce])
}

function writeText(out: number[], value: string): void {
  const data = utf8(value)
  if (data.length < 32) out.push(0xa0 | data.length)
  else writeSize(out, data.length, [0xd9, 0xda, 0xdb])
  append(out, data)
}

/** A number of 1, 2 or 4 bytes behind the byte that says which. */
function writeSize(out: number[], size: number, tags: readonly [number | undefined, number, number]): void {
  const [one, two, four] = tags
  if (size <= 0xff && one !== undefined) out.push(one, size)
  else if (size <= 0xffff) out.push(two, size >> 8, size & 0xff)
  else append(out, [four, ...bigEndian(size, 4)])
}

const bigEndian = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, at) => Math.floor(value / 2 ** (8 * (size - 1 - at))) % 256)

function append(out: number[], bytes: Iterable<number>): void {
  for (const byte of bytes) out.push(byte)
}

// ---- reading

/** A cursor over received bytes. Every method throws `malformed` where the next value is of another kind. */
export class Reader {
  readonly #data: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(data: Uint8Array) {
    this.#data = data
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  }

  isAtEnd(): boolean {
    return this.#at === this.#data.length
  }

  /** Steps over nil, if it is what comes next. */
  nil(): boolean {
    const isNil = this.#at < this.#data.length && this.#data[this.#at] === 0xc0
    if (isNil) this.#at += 1
    return isNil
  }

  boolean(): boolean {
    const tag = this.#tag()
    if (tag !== 0xc2 && tag !== 0xc3) malformed()
    return tag === 0xc3
  }

  /** From 0 to 2⁵³ − 1. */
  number(): number {
    const tag = this.#tag()
    if (tag < 0x80) return tag
    // the signed forms too, of what is not negative: another writer may use them
    const size = INTEGER_SIZES.get(tag) ?? malformed()
    const value = size === 8 ? this.#uint64() : this.#uint(size)
    const isNegative = tag >= 0xd0 && (this.#data[this.#at - size] ?? 0) >= 0x80
    return isNegative || !Number.isSafeInteger(value) ? malformed() : value
  }

  bytes(least: number, most: number): Bytes {
    const tag = this.#tag()
    const size = this.#uint(BYTES_SIZES.get(tag) ?? malformed())
    if (size < least || size > most) malformed()
    return new Uint8Array(this.#take(size))
  }

  /** Of at most so many code points. */
  text(most: number): string {
    const tag = this.#tag()
    const isShort = tag >= 0xa0 && tag < 0xc0
    const size = isShort ? tag & 0x1f : this.#uint(TEXT_SIZES.get(tag) ?? malformed())
    try {
      const text = parseUtf8(this.#take(size))
      return [...text].length <= most ? text : malformed()
    } catch {
      return malformed()
    }
  }

  /** How many items follow. */
  array(): number {
    const tag = this.#tag()
    if (tag >= 0x90 && tag < 0xa0) return tag & 0x0f
    return this.#uint(ARRAY_SIZES.get(tag) ?? malformed())
  }

  /** Steps over a value of any kind. */
  skip(depth = MAX_DEPTH): void {
    if (depth === 0) malformed()
    const tag = this.#tag()
    if (tag < 0x80 || tag >= 0xe0) return
    const fixed = FIXED_SIZES.get(tag)
    if (fixed !== undefined) this.#take(fixed)
    else if (tag < 0xa0 || tag >= 0xdc) this.#skipItems(tag, depth)
    else if (tag < 0xc0) this.#take(tag & 0x1f)
    else this.#take(this.#uint(PREFIXED_SIZES.get(tag) ?? malformed()) + (EXTENSIONS.has(tag) ? 1 : 0))
  }

  #skipItems(tag: number, depth: number): void {
    const isMap = tag < 0x90 || tag >= 0xde
    const items = tag < 0xa0 ? tag & 0x0f : this.#uint(tag % 2 === 0 ? 2 : 4)
    if (items > this.#data.length) malformed()
    for (let left = isMap ? 2 * items : items; left > 0; left--) this.skip(depth - 1)
  }

  #tag(): number {
    return this.#take(1)[0] ?? malformed()
  }

  #take(size: number): Uint8Array {
    if (size > this.#data.length - this.#at) malformed()
    this.#at += size
    return this.#data.subarray(this.#at - size, this.#at)
  }

  #uint(size: number): number {
    return this.#take(size).reduce((value, byte) => value * 256 + byte, 0)
  }

  #uint64(): number {
    this.#take(8)
    return Number(this.#view.getBigUint64(this.#at - 8))
  }
}

const INTEGER_SIZES = new Map([
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
])
const BYTES_SIZES = new Map([
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
])
const TEXT_SIZES = new Map([
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
])
const ARRAY_SIZES = new Map([
  [0xdc, 2],
  [0xdd, 4],
])
const EXTENSIONS = new Set([0xc7, 0xc8, 0xc9])
/** By tag: how many bytes say how long the value is. */
const PREFIXED_SIZES = new Map([...BYTES_SIZES, ...TEXT_SIZES, [0xc7, 1], [0xc8, 2], [0xc9, 4]])
/** By tag: how many bytes the value has. */
const FIXED_SIZES = new Map([
  ...INTEGER_SIZES,
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xd4, 2],
  [0xd5, 3],
  [0xd6, 5],
  [0xd7, 9],
  [0xd8, 17],
])
