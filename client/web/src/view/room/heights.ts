/**
 * How high the rows of a long list are, and where each begins: sums in a binary indexed tree, so that 20,000 rows cost no
 * more than a few steps each.
 */

export interface Heights {
  /** How many rows there are; new ones are of no height. */
  grow(size: number): void
  get(row: number): number
  set(row: number, height: number): void
  /** The sum of all rows before one. */
  before(row: number): number
  readonly total: number
  /** The row at an offset: the first whose end lies beyond it, or the last. */
  at(offset: number): number
}

export function makeHeights(): Heights {
  let heights: number[] = []
  let sums: number[] = [] // of the tree: sums[i] is of the (i & -i) rows that end with row i - 1
  const add = (row: number, difference: number): void => {
    for (let at = row + 1; at <= sums.length; at += at & -at) sums[at - 1] = (sums[at - 1] ?? 0) + difference
  }
  const before = (row: number): number => {
    let sum = 0
    for (let at = Math.min(row, heights.length); at > 0; at -= at & -at) sum += sums[at - 1] ?? 0
    return sum
  }
  return {
    grow: (size) => {
      if (size <= heights.length) return
      const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(size)))
      const old = heights
      heights = Array.from({ length: size }, (_, row) => old[row] ?? 0)
      if (capacity === sums.length) return
      sums = new Array<number>(capacity).fill(0)
      for (const [row, height] of heights.entries()) if (height > 0) add(row, height)
    },
    get: (row) => heights[row] ?? 0,
    set: (row, height) => {
      if (row < 0 || row >= heights.length) return
      add(row, height - (heights[row] ?? 0))
      heights[row] = height
    },
    before,
    get total() {
      return before(heights.length)
    },
    at: (offset) => {
      let row = 0
      let rest = offset
      for (let step = sums.length; step > 0; step = Math.floor(step / 2)) {
        const sum = row + step <= sums.length ? (sums[row + step - 1] ?? 0) : Number.POSITIVE_INFINITY
        if (sum > rest) continue
        row += step
        rest -= sum
      }
      return Math.max(0, Math.min(row, heights.length - 1))
    },
  }
}

/** The rows to show: what is seen, and as much above and below. */
export interface Range {
  readonly first: number
  readonly last: number
}

export function rangeAt(heights: Heights, top: number, height: number, spare: number): Range {
  return { first: heights.at(Math.max(0, top - spare)), last: heights.at(top + height + spare) }
}
