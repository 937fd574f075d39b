/**
 * Blobs: attachments as the server has them (PROTOCOL.md, section 12a).
 *
 * Content is padded to a PADMÉ size (Nikitin et al., "PURBs", 2019, section 4) and encrypted in the STREAM construction
 * (Hoang, Reyhanitabar, Rogaway, Vizár, 2015, section 7): AES-256-GCM over chunks, the nonce holding the chunk's number and
 * whether it is the last. The key is of one blob alone, so no nonce is used twice.
 */

import { decryptAesGcm, encryptAesGcm } from "../base/aes_gcm.ts"
import { type Bytes, concat } from "../base/bytes.ts"
import {
  BLOB_CHUNK_BYTES,
  BLOB_PART_CHUNKS,
  BLOB_TAG_BYTES,
  MAX_PART_BYTES,
  MIN_BLOB_BYTES,
} from "./limits.ts"
import { malformed } from "./msgpack.ts"

/** How much content one part holds. */
export const PART_CONTENT_BYTES = BLOB_PART_CHUNKS * BLOB_CHUNK_BYTES
const SEALED_CHUNK_BYTES = BLOB_CHUNK_BYTES + BLOB_TAG_BYTES
const NOTHING = new Uint8Array()

/** PADMÉ: at most 12 % more, so that a size tells O(log log size) bits. */
export function paddedSize(size: number): number {
  if (size <= MIN_BLOB_BYTES) return MIN_BLOB_BYTES
  const exponent = Math.floor(Math.log2(size))
  const loose = 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1)
  return Math.ceil(size / loose) * loose
}

/** How many bytes the server has of a content of so many. */
export function sealedSize(size: number): number {
  const padded = paddedSize(size)
  return padded + Math.ceil(padded / BLOB_CHUNK_BYTES) * BLOB_TAG_BYTES
}

/** In how many parts the blob of a content of so many bytes travels. */
export const partCount = (size: number): number => Math.ceil(sealedSize(size) / MAX_PART_BYTES)

/** Of a part, its chunks' numbers with where each begins. */
function chunksOf(part: Uint8Array, number: number, chunkBytes: number) {
  const count = Math.ceil(part.length / chunkBytes)
  return Array.from({ length: count }, (_, at) => ({
    number: number * BLOB_PART_CHUNKS + at,
    data: part.subarray(at * chunkBytes, (at + 1) * chunkBytes),
  }))
}

/** Seven zero bytes, the chunk's number, and 1 for the last chunk. */
function nonceOf(chunk: number, size: number): Bytes {
  const nonce = new DataView(new ArrayBuffer(12))
  nonce.setUint32(7, chunk)
  nonce.setUint8(11, chunk === Math.ceil(paddedSize(size) / BLOB_CHUNK_BYTES) - 1 ? 1 : 0)
  return new Uint8Array(nonce.buffer)
}

/** Part `number` of a blob whose content has `size` bytes, of which `content` are this part's. */
export async function sealPart(
  key: Bytes,
  size: number,
  number: number,
  content: Uint8Array,
): Promise<Bytes> {
  const padded = new Uint8Array(Math.min(PART_CONTENT_BYTES, paddedSize(size) - number * PART_CONTENT_BYTES))
  padded.set(content)
  const chunks = chunksOf(padded, number, BLOB_CHUNK_BYTES)
  const sealed = chunks.map((one) => encryptAesGcm(key, nonceOf(one.number, size), NOTHING, one.data))
  return concat(...(await Promise.all(sealed)))
}

/** The content of part `number`. Throws `malformed` where it is not that part of that blob, whole. */
export async function openPart(key: Bytes, size: number, number: number, part: Uint8Array): Promise<Bytes> {
  const expected = Math.min(MAX_PART_BYTES, sealedSize(size) - number * MAX_PART_BYTES)
  if (part.length !== expected) malformed()
  const chunks = chunksOf(part, number, SEALED_CHUNK_BYTES)
  const opening = chunks.map((one) => decryptAesGcm(key, nonceOf(one.number, size), NOTHING, one.data))
  const opened = concat(...(await Promise.all(opening).catch(malformed)))
  const length = Math.max(0, Math.min(opened.length, size - number * PART_CONTENT_BYTES))
  return opened.subarray(length).some((byte) => byte !== 0) ? malformed() : opened.slice(0, length)
}
