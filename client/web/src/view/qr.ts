/**
 * QR codes (ISO/IEC 18004): byte mode, error correction M, versions 1 to 15: up to 412 bytes, enough for any link of ours.
 *
 * A matrix of modules, true for dark. The steps are the standard's: data and padding, Reed-Solomon blocks interleaved,
 * function patterns, the zigzag, and the mask of eight that looks least like something else.
 */

export type Modules = readonly (readonly boolean[])[]
type Grid = boolean[][]

/** Of each version at level M: error correction bytes a block, then blocks of each group with their data bytes. */
const BLOCKS: readonly (readonly [number, ...(readonly (readonly [number, number])[])])[] = [
  [10, [1, 16]],
  [16, [1, 28]],
  [26, [1, 44]],
  [18, [2, 32]],
  [24, [2, 43]],
  [16, [4, 27]],
  [18, [4, 31]],
  [22, [2, 38], [2, 39]],
  [22, [3, 36], [2, 37]],
  [26, [4, 43], [1, 44]],
  [30, [1, 50], [4, 51]],
  [22, [6, 36], [2, 37]],
  [22, [8, 37], [1, 38]],
  [24, [4, 40], [5, 41]],
  [24, [5, 41], [5, 42]],
]
/** Where the alignment patterns of each version have their middles. */
const ALIGNMENTS: readonly (readonly number[])[] = [
  [],
  [6, 18],
  [6, 22],
  [6, 26],
  [6, 30],
  [6, 34],
  [6, 22, 38],
  [6, 24, 42],
  [6, 26, 46],
  [6, 28, 50],
  [6, 30, 54],
  [6, 32, 58],
  [6, 34, 62],
  [6, 26, 46, 66],
  [6, 26, 48, 70],
]
const MASKS: readonly ((row: number, column: number) => boolean)[] = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (_, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
]
const BYTE_MODE = 0b0100
const LEVEL_M = 0b00

/** Throws RangeError for what is too long. */
export function encodeQr(text: string): Modules {
  const bytes = new TextEncoder().encode(text)
  const version = versionFor(bytes.length)
  const bits = interleaved(dataOf(bytes, version), version)
  const { grid, isFunction } = patterned(version)
  placeBits(grid, isFunction, bits)
  const masked = MASKS.map((_, mask) => withMask(grid, isFunction, mask))
  return masked.reduce((best, one) => (penaltyOf(one) < penaltyOf(best) ? one : best))
}

const lengthBits = (version: number): number => (version < 10 ? 8 : 16)
const blocksOf = (version: number): readonly (readonly [number, number])[] => {
  const [, ...groups] = BLOCKS[version - 1] ?? [0]
  return groups
}
const capacityOf = (version: number): number =>
  blocksOf(version).reduce((sum, [count, size]) => sum + count * size, 0)

function versionFor(size: number): number {
  const at = BLOCKS.findIndex((_, index) => 4 + lengthBits(index + 1) + 8 * size <= 8 * capacityOf(index + 1))
  if (at < 0) throw new RangeError("too long for a QR code")
  return at + 1
}

const bitsOf = (value: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => (value >> (count - 1 - at)) & 1)

/** Mode, length, bytes, terminator, and the padding bytes. */
function dataOf(bytes: Uint8Array, version: number): readonly number[] {
  const most = 8 * capacityOf(version)
  const bits = [...bitsOf(BYTE_MODE, 4), ...bitsOf(bytes.length, lengthBits(version))]
  for (const byte of bytes) bits.push(...bitsOf(byte, 8))
  for (let at = 0; at < 4 && bits.length < most; at += 1) bits.push(0)
  while (bits.length % 8 > 0) bits.push(0)
  for (let pad = 0xec; bits.length < most; pad ^= 0xec ^ 0x11) bits.push(...bitsOf(pad, 8))
  return Array.from({ length: most / 8 }, (_, at) =>
    bits.slice(8 * at, 8 * at + 8).reduce((byte, bit) => 2 * byte + bit, 0),
  )
}

// ---- Reed-Solomon over GF(256), polynomial x⁸ + x⁴ + x³ + x² + 1
const EXP: readonly number[] = (() => {
  const powers = [1]
  for (let at = 1; at < 255; at += 1) {
    const next = (powers[at - 1] ?? 0) << 1
    powers.push(next > 255 ? next ^ 0x11d : next)
  }
  return powers
})()
const LOG: readonly number[] = EXP.reduce(
  (logs, power, at) => logs.with(power, at),
  new Array<number>(256).fill(0),
)

const times = (one: number, other: number): number =>
  one === 0 || other === 0 ? 0 : (EXP[((LOG[one] ?? 0) + (LOG[other] ?? 0)) % 255] ?? 0)

/** Coefficients behind the leading one, the highest first. */
function generator(degree: number): readonly number[] {
  let found: number[] = [1]
  for (let root = 0; root < degree; root += 1)
    found = [...found, 0].map((one, at) => one ^ times(found[at - 1] ?? 0, EXP[root] ?? 0))
  return found.slice(1)
}

function correctionOf(block: readonly number[], size: number): readonly number[] {
  const divisor = generator(size)
  return block.reduce<readonly number[]>((rest, byte) => {
    const factor = byte ^ (rest[0] ?? 0)
    return divisor.map((one, at) => (rest[at + 1] ?? 0) ^ times(one, factor))
  }, new Array<number>(size).fill(0))
}

/** First bytes of all blocks, second bytes of all blocks …, then the same of their error correction. */
function interleaved(data: readonly number[], version: number): readonly number[] {
  const sizes = blocksOf(version).flatMap(([count, size]) => new Array<number>(count).fill(size))
  let from = 0
  const blocks = sizes.map((size) => {
    from += size
    return data.slice(from - size, from)
  })
  const size = BLOCKS[version - 1]?.[0] ?? 0
  const corrections = blocks.map((block) => correctionOf(block, size))
  return [...byColumns(blocks), ...byColumns(corrections)].flatMap((byte) => bitsOf(byte, 8))
}

const byColumns = (rows: readonly (readonly number[])[]): readonly number[] =>
  Array.from({ length: Math.max(...rows.map((row) => row.length)) }, (_, at) => at).flatMap((at) =>
    rows.flatMap((row) => row.slice(at, at + 1)),
  )

// ---- the square
interface Square {
  readonly grid: Grid
  /** Which modules are no data. */
  readonly isFunction: Grid
}

const sideOf = (version: number): number => 17 + 4 * version
const empty = (side: number): Grid => Array.from({ length: side }, () => new Array<boolean>(side).fill(false))

function put(square: Square, row: number, column: number, isDark: boolean): void {
  const cells = square.grid[row]
  const marks = square.isFunction[row]
  if (cells === undefined || marks === undefined || column < 0 || column >= cells.length) return
  cells[column] = isDark
  marks[column] = true
}

function patterned(version: number): Square {
  const side = sideOf(version)
  const square: Square = { grid: empty(side), isFunction: empty(side) }
  for (let at = 0; at < side; at += 1) {
    put(square, 6, at, at % 2 === 0)
    put(square, at, 6, at % 2 === 0)
  }
  const middles = ALIGNMENTS[version - 1] ?? []
  const last = middles.at(-1) ?? 0
  for (const row of middles)
    for (const column of middles) {
      const isAtFinder = (row === 6 && (column === 6 || column === last)) || (row === last && column === 6)
      if (!isAtFinder) rings(square, row, column, 2, (distance) => distance !== 1)
    }
  for (const [row, column] of [
    [3, 3],
    [3, side - 4],
    [side - 4, 3],
  ] as const)
    rings(square, row, column, 4, (distance) => distance !== 2 && distance !== 4)
  putFormat(square, 0)
  putVersion(square, version)
  return square
}

/** Squares around a middle: finders and alignment patterns. */
function rings(
  square: Square,
  row: number,
  column: number,
  radius: number,
  isDark: (distance: number) => boolean,
): void {
  for (let down = -radius; down <= radius; down += 1)
    for (let across = -radius; across <= radius; across += 1)
      put(square, row + down, column + across, isDark(Math.max(Math.abs(down), Math.abs(across))))
}

/** The remainder of a BCH code. */
function remainder(value: number, divisor: number, bits: number): number {
  let rest = value << bits
  const degree = 31 - Math.clz32(divisor)
  for (let at = 31; at >= degree; at -= 1) if ((rest >>> at) & 1) rest ^= divisor << (at - degree)
  return rest
}

/** Level and mask, twice; and the module that is always dark. */
function putFormat(square: Square, mask: number): void {
  const value = (LEVEL_M << 3) | mask
  const code = ((value << 10) | remainder(value, 0x537, 10)) ^ 0x5412
  const side = square.grid.length
  for (let at = 0; at < 15; at += 1) {
    const isDark = ((code >> at) & 1) === 1
    if (at < 6) put(square, at, 8, isDark)
    else if (at < 8) put(square, at + 1, 8, isDark)
    else if (at === 8) put(square, 8, 7, isDark)
    else put(square, 8, 14 - at, isDark)
    if (at < 8) put(square, 8, side - 1 - at, isDark)
    else put(square, side - 15 + at, 8, isDark)
  }
  put(square, side - 8, 8, true)
}

function putVersion(square: Square, version: number): void {
  if (version < 7) return
  const code = (version << 12) | remainder(version, 0x1f25, 12)
  const side = square.grid.length
  for (let at = 0; at < 18; at += 1) {
    const isDark = ((code >> at) & 1) === 1
    const [near, far] = [Math.floor(at / 3), side - 11 + (at % 3)]
    put(square, near, far, isDark)
    put(square, far, near, isDark)
  }
}

/** Two columns at a time, from the right, up and down. */
function placeBits(grid: Grid, isFunction: Grid, bits: readonly number[]): void {
  const free = zigzag(grid.length).filter(([row, column]) => isFunction[row]?.[column] === false)
  for (const [at, [row, column]] of free.entries()) {
    const cells = grid[row]
    if (cells !== undefined) cells[column] = bits[at] === 1
  }
}

function zigzag(side: number): readonly (readonly [number, number])[] {
  const places: (readonly [number, number])[] = []
  for (let right = side - 1; right >= 1; right -= 2) {
    // the timing pattern's column is passed over
    const pair = right <= 6 ? right - 1 : right
    const isUp = ((right + 1) & 2) === 0
    for (let step = 0; step < side; step += 1) {
      const row = isUp ? side - 1 - step : step
      places.push([row, pair], [row, pair - 1])
    }
  }
  return places
}

function withMask(grid: Grid, isFunction: Grid, mask: number): Modules {
  const flips = MASKS[mask]
  const masked = grid.map((cells, row) =>
    cells.map((isDark, column) =>
      isFunction[row]?.[column] === true ? isDark : isDark !== flips?.(row, column),
    ),
  )
  putFormat({ grid: masked, isFunction: empty(masked.length) }, mask)
  return masked
}

// ---- how much a masked square looks like something else (section 7.8.3)
const FINDER_LIKE = ["10111010000", "00001011101"]

function penaltyOf(modules: Modules): number {
  const columns = modules.map((_, at) => modules.map((row) => row[at] === true))
  return linesPenalty(modules) + linesPenalty(columns) + squaresPenalty(modules) + balancePenalty(modules)
}

const linesPenalty = (lines: Modules): number =>
  lines.reduce((sum, line) => {
    const text = line.map((isDark) => (isDark ? "1" : "0")).join("")
    const runs = text.match(/0{5,}|1{5,}/g) ?? []
    const likes = FINDER_LIKE.reduce((count, like) => count + occurrences(text, like), 0)
    return sum + runs.reduce((more, run) => more + run.length - 2, 0) + 40 * likes
  }, 0)

function occurrences(text: string, part: string): number {
  let count = 0
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) count += 1
  return count
}

function squaresPenalty(modules: Modules): number {
  let count = 0
  for (let row = 1; row < modules.length; row += 1)
    for (let column = 1; column < modules.length; column += 1) {
      const isDark = modules[row]?.[column]
      const isSame =
        modules[row - 1]?.[column] === isDark &&
        modules[row]?.[column - 1] === isDark &&
        modules[row - 1]?.[column - 1] === isDark
      if (isSame) count += 1
    }
  return 3 * count
}

function balancePenalty(modules: Modules): number {
  const all = modules.length ** 2
  const dark = modules.reduce((sum, row) => sum + row.filter(Boolean).length, 0)
  return 10 * Math.floor(Math.abs(20 * dark - 10 * all) / all)
}
