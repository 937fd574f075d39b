/** Files before they leave: their names, and pictures without what they tell beside what is seen. */

import { describe, expect, test } from "vitest"
import { concat, utf8 } from "../../src/base/bytes.ts"
import { fileNameOf, mediaTypeOf, pictureIn } from "../../src/model/files.ts"
import { cleaned } from "../../src/model/pictures.ts"
import { stripped } from "../../src/model/stripping.ts"
import { MAX_ATTACHMENTS, MAX_BLOB_BYTES } from "../../src/protocol/limits.ts"
import { isFileName } from "../../src/protocol/room/attachments.ts"
import { MOST_FILE_BYTES, MOST_FILES } from "../../src/view/room/drafting.ts"

const SECRET = utf8("47.3769 N, 8.5417 E, Ann's phone")
const bytes = (...values: readonly number[]) => new Uint8Array(values)
const u16 = (value: number) => bytes(value >> 8, value & 255)
const u32 = (value: number) => concat(u16(value >>> 16), u16(value & 0xffff))
const u32le = (value: number) => u32(value).reverse()

const segment = (marker: number, content: Uint8Array) =>
  concat(bytes(0xff, marker), u16(content.length + 2), content)
const SCAN = concat(segment(0xda, bytes(1, 2, 3)), bytes(7, 0xff, 0, 8, 0xff, 0xd3, 9))
const jpegOf = (...segments: readonly Uint8Array[]) =>
  concat(bytes(0xff, 0xd8), ...segments, SCAN, segment(0xc4, bytes(5)), SCAN, bytes(0xff, 0xd9))

const chunk = (name: string, content: Uint8Array) => concat(u32(content.length), utf8(name), content, u32(1))
const pngOf = (...chunks: readonly Uint8Array[]) =>
  concat(utf8("_PNG\r\n\x1a\n").with(0, 0x89), ...chunks, chunk("IEND", bytes()))

const riffed = (name: string, content: Uint8Array) =>
  concat(utf8(name), u32le(content.length), content, bytes(...(content.length % 2 ? [0] : [])))
const webpOf = (...chunks: readonly Uint8Array[]) => {
  const content = concat(utf8("WEBP"), ...chunks)
  return concat(utf8("RIFF"), u32le(content.length), content)
}

const GIF_HEAD = concat(utf8("GIF89a"), bytes(1, 0, 1, 0, 0x80, 0, 0, 1, 2, 3, 4, 5, 6))
const GIF_PICTURE = bytes(0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 1, 0)
const block = (label: number, ...parts: readonly Uint8Array[]) =>
  concat(bytes(0x21, label), ...parts.map((part) => concat(bytes(part.length), part)), bytes(0))
const REPEATS = block(0xff, utf8("NETSCAPE2.0"), bytes(1, 0, 0))
const gifOf = (...blocks: readonly Uint8Array[]) => concat(GIF_HEAD, ...blocks, GIF_PICTURE, bytes(0x3b))

const JFIF = segment(0xe0, utf8("JFIF\0"))
const COLOURS = segment(0xe2, utf8("ICC_PROFILE\0"))
const IHDR = chunk("IHDR", bytes(1, 2, 3))
const VP8X = (flags: number) => riffed("VP8X", bytes(flags, 0, 0, 0, 0, 0, 0, 0, 0, 0))

const PICTURES: Readonly<Record<string, readonly [told: Uint8Array, clean: Uint8Array]>> = {
  "image/jpeg": [
    concat(
      jpegOf(
        JFIF,
        segment(0xe1, SECRET),
        segment(0xed, SECRET),
        COLOURS,
        segment(0xe2, SECRET),
        segment(0xfe, SECRET),
      ),
      SECRET,
    ),
    jpegOf(JFIF, COLOURS),
  ],
  "image/png": [
    concat(
      pngOf(
        IHDR,
        chunk("eXIf", SECRET),
        chunk("tEXt", SECRET),
        chunk("iTXt", SECRET),
        chunk("IDAT", bytes(9)),
      ),
      SECRET,
    ),
    pngOf(IHDR, chunk("IDAT", bytes(9))),
  ],
  "image/webp": [
    concat(
      webpOf(VP8X(0x1c), riffed("VP8 ", bytes(1, 2, 3)), riffed("EXIF", SECRET), riffed("XMP ", SECRET)),
      SECRET,
    ),
    webpOf(VP8X(0x10), riffed("VP8 ", bytes(1, 2, 3))),
  ],
  "image/gif": [
    concat(
      gifOf(
        REPEATS,
        block(0xfe, SECRET),
        block(0xff, utf8("XMP DataXMP"), SECRET),
        block(0xf9, bytes(1, 2, 3, 4)),
      ),
      SECRET,
    ),
    gifOf(REPEATS, block(0xf9, bytes(1, 2, 3, 4))),
  ],
}

describe.each(Object.entries(PICTURES))("%s", (type, [told, clean]) => {
  test("keeps what is seen, and nothing else", async () => {
    expect(pictureIn(told)).toBe(type)
    expect(stripped(told, type)).toEqual(clean)
    const file = await cleaned({ name: "x", type: "", content: new Blob([concat(told)]) })
    expect(file).toEqual({ bytes: clean, type })
  })

  test("is the same when it is clean", () => {
    expect(stripped(clean, type)).toEqual(clean)
  })

  test("that ends before it should, anywhere, is refused or still clean", () => {
    for (let size = 12; size < told.length; size++) {
      const rest = stripped(told.slice(0, size), type)
      expect(Buffer.from(rest ?? []).includes(Buffer.from(SECRET))).toBe(false)
    }
  })
})

test("what says that it is a picture and is none is refused", async () => {
  const content = new Blob(["<script>"])
  await expect(cleaned({ name: "x.png", type: "image/png", content })).rejects.toMatchObject({
    code: "picture-unclean",
  })
  const broken = new Blob([bytes(0xff, 0xd8, 0xff, 0xe1, 0xff)])
  await expect(cleaned({ name: "x.jpg", type: "image/jpeg", content: broken })).rejects.toMatchObject({
    code: "picture-unclean",
  })
})

test("a document stays as it is, and no SVG is a picture", async () => {
  const svg = utf8("<svg xmlns='http://www.w3.org/2000/svg'/>")
  expect(pictureIn(svg)).toBe(undefined)
  const file = await cleaned({ name: "x.svg", type: "image/svg+xml", content: new Blob([svg]) })
  expect(file).toEqual({ bytes: svg, type: "image/svg+xml" })
})

test.each([
  ["report.pdf", "report.pdf"],
  ["../../etc/passwd", "_._etc_passwd"],
  ["C:\\x\\y.doc", "C__x_y.doc"],
  [".hidden", "hidden"],
  ["  ", "attachment"],
  ["", "attachment"],
  ["evil\u202Egnp.exe", "evil_gnp.exe"],
  ["a\nb", "a_b"],
  [`${"ب".repeat(300)}.pdf`, `${"ب".repeat(125)}.pdf`],
  ["\u200Dx\u200D", "x"],
])("the name %j becomes %j", (given, made) => {
  expect(fileNameOf(given)).toBe(made)
  expect(isFileName(made)).toBe(true)
})

test("kinds of files", () => {
  expect(mediaTypeOf("text/plain; charset=utf-8")).toBe("text/plain")
  expect(mediaTypeOf("IMAGE/PNG")).toBe("image/png")
  for (const none of ["", "x", "a/b/c", "a b/c"]) expect(mediaTypeOf(none)).toBe("application/octet-stream")
})

test("the page says what the protocol takes", () => {
  expect([MOST_FILES, MOST_FILE_BYTES]).toEqual([MAX_ATTACHMENTS, MAX_BLOB_BYTES])
})
