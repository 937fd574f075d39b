/**
 * Merkle tree hashes of RFC 6962, section 2.1, grown one leaf at a time.
 *
 * A `Frontier` is the roots of the perfect subtrees that make up a tree, largest first: all that appending and computing
 * the root needs. It has one hash for each bit that is set in `size`.
 */

import { type Bytes, concat } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import { u8 } from "../../base/tls.ts"
import { HASH_SIZE } from "../ids.ts"
import { malformed } from "../msgpack.ts"

export interface Frontier {
  readonly size: number
  readonly hashes: readonly Bytes[]
}

export const EMPTY: Frontier = { size: 0, hashes: [] }

const leafHash = (entry: Uint8Array): Bytes => sha256(concat(u8(0), entry))

const nodeHash = (left: Uint8Array, right: Uint8Array): Bytes => sha256(concat(u8(1), left, right))

/** The tree with one entry more. */
export function append(frontier: Frontier, entry: Uint8Array): Frontier {
  const hashes = [...frontier.hashes]
  let added = leafHash(entry)
  for (let size = frontier.size; size % 2 === 1; size = Math.floor(size / 2)) {
    const left = hashes.pop()
    if (left === undefined) throw new RangeError("the frontier does not fit its size")
    added = nodeHash(left, added)
  }
  return { size: frontier.size + 1, hashes: [...hashes, added] }
}

/** The Merkle tree hash, 32 bytes. */
export const rootOf = (frontier: Frontier): Bytes =>
  frontier.hashes.length === 0
    ? sha256(new Uint8Array())
    : frontier.hashes.reduceRight((right, larger) => nodeHash(larger, right))

/** For storage: the hashes one after another; the size stands beside. */
export const encodeFrontier = (frontier: Frontier): Bytes => concat(...frontier.hashes)

/** What `encodeFrontier` wrote. Throws `malformed`. */
export function parseFrontier(size: number, data: Uint8Array): Frontier {
  const isFit = Number.isSafeInteger(size) && size >= 0 && data.length === HASH_SIZE * ones(size)
  if (!isFit) malformed()
  const hashes = Array.from(
    { length: ones(size) },
    (_, at) => new Uint8Array(data.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE)),
  )
  return { size, hashes }
}

const ones = (size: number): number => size.toString(2).replaceAll("0", "").length
