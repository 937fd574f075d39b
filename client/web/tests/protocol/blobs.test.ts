/** Attachments as Python has them: sizes, ciphertexts, what is signed, and how a message names one. */

import { expect, test } from "vitest"
import { concat } from "../../src/base/bytes.ts"
import { blobContent } from "../../src/protocol/blob_requests.ts"
import {
  openPart,
  PART_CONTENT_BYTES,
  paddedSize,
  partCount,
  sealedSize,
  sealPart,
} from "../../src/protocol/blobs.ts"
import { digest, type JsonObject, label } from "../../src/protocol/canonical.ts"
import { MAX_BLOB_BYTES, MAX_BLOB_PARTS } from "../../src/protocol/limits.ts"
import { attachments, isFileName } from "../../src/protocol/room/attachments.ts"
import { fromHex, toHex, vectors } from "../vectors.ts"

interface Blobs {
  readonly key: string
  readonly sealed: readonly (readonly [size: number, digest: string])[]
  readonly padded: readonly (readonly [size: number, padded: number])[]
  readonly signed: string
  readonly body: JsonObject
}

const BLOBS = vectors<Blobs>("blobs")
const KEY = fromHex(BLOBS.key)

const generated = (size: number) => Uint8Array.from({ length: size }, (_, at) => (at * at + 1) % 251)

const sealed = (size: number, content = generated(size)) =>
  Promise.all(
    Array.from({ length: partCount(size) }, (_, number) =>
      sealPart(
        KEY,
        size,
        number,
        content.subarray(number * PART_CONTENT_BYTES, (number + 1) * PART_CONTENT_BYTES),
      ),
    ),
  )

test("padded sizes", () => {
  for (const [size, padded] of BLOBS.padded) expect(paddedSize(size)).toBe(padded)
  expect(partCount(MAX_BLOB_BYTES)).toBe(MAX_BLOB_PARTS)
})

test.each(BLOBS.sealed)(
  "a content of %i bytes is encrypted as Python does, and opened again",
  async (size, hashed) => {
    const parts = await sealed(size)
    expect(concat(...parts).length).toBe(sealedSize(size))
    expect(toHex(digest(concat(...parts)))).toBe(hashed)
    const opened = await Promise.all(parts.map((part, number) => openPart(KEY, size, number, part)))
    expect(concat(...opened)).toEqual(generated(size))
  },
)

test("the signed content of a request", async () => {
  const { room, seat } = vectors<Record<string, string>>("attach")
  const { public_key: recordKey } = vectors<Record<string, string>>("record")
  const [body = new Uint8Array()] = await sealed(0)
  const asked = {
    verb: "part",
    room: fromHex(room ?? ""),
    seat: fromHex(seat ?? ""),
    blob: KEY.slice(0, 16),
    time: 1_800_000_000,
    number: 0,
    body: concat(body),
  } as const
  const content = blobContent(asked, fromHex(recordKey ?? ""))
  expect(toHex(digest(concat(label("blob"), content)))).toBe(BLOBS.signed)
})

test("a server that changes, cuts, lengthens, swaps or reorders is found out", async () => {
  const size = 2 * PART_CONTENT_BYTES + 9
  const [first, second, third] = (await sealed(size)) as [Uint8Array, Uint8Array, Uint8Array]
  const open =
    (number: number, part: Uint8Array, of = size, key = KEY) =>
    () =>
      openPart(key, of, number, part)
  const changed = first.map((byte, at) => (at === 70_000 ? byte ^ 1 : byte))
  const chunk = 65_552
  const reordered = concat(
    first.subarray(chunk, 2 * chunk),
    first.subarray(0, chunk),
    first.subarray(2 * chunk),
  )
  for (const opening of [
    open(0, changed),
    open(0, second),
    open(1, first),
    open(0, reordered),
    open(0, first.subarray(0, -1)),
    open(0, first.subarray(0, chunk)),
    open(2, concat(third, third)),
    open(2, new Uint8Array()),
    open(0, first, PART_CONTENT_BYTES),
    open(
      0,
      first,
      size,
      KEY.map((byte) => byte ^ 1),
    ),
  ])
    await expect(opening()).rejects.toMatchObject({ code: "malformed" })
})

test("what stands behind the content is nothing", async () => {
  const [part = new Uint8Array()] = await sealed(10, new Uint8Array(11).fill(7))
  await expect(openPart(KEY, 10, 0, part)).rejects.toMatchObject({ code: "malformed" })
})

test("a message names its attachments, and no other way", () => {
  const [one] = BLOBS.body.attachments as readonly JsonObject[]
  expect(attachments([one ?? null])).toEqual([one])
  for (const wrong of [
    [],
    null,
    [one, one, one, one, one],
    [{ ...one, name: "../x" }],
    [{ ...one, name: "a\u202etxt.exe" }],
    [{ ...one, size: MAX_BLOB_BYTES + 1 }],
    [{ ...one, type: "text/html; charset=x" }],
    [{ ...one, blob: "A" }],
    [{ ...one, more: 1 }],
  ])
    expect(() => attachments(wrong as never)).toThrow("body-malformed")
})

test("names of files", () => {
  for (const name of ["a", "ملف 1.pdf", "x".repeat(255), "tar.gz.1"]) expect(isFileName(name)).toBe(true)
  for (const name of [
    "",
    ".",
    ".hidden",
    "a.",
    " a",
    "a/b",
    "a\\b",
    "c:d",
    "a\nb",
    "\ud800",
    "é".repeat(128),
  ])
    expect(isFileName(name)).toBe(false)
})
