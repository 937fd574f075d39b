import { describe, expect, it, test } from "vitest"
import { isWithheld, LOG_EVENT, type LogEvent } from "../../src/protocol/events.ts"
import {
  encodeClientFrame,
  encodeServerFrame,
  parseClientFrame,
  parseServerFrame,
} from "../../src/protocol/frames.ts"
import { MAX_FRAME_BYTES } from "../../src/protocol/limits.ts"
import { pack, unpack } from "../../src/protocol/msgpack.ts"
import { encodeOperation, parseOperation } from "../../src/protocol/operations.ts"
import { fromHex, plain, toHex, vectors } from "../vectors.ts"

interface Case {
  readonly name: string
  readonly from: string
  readonly number: number
  readonly fields: readonly unknown[]
  readonly bytes: string
}

const { frames, operations } = vectors<{ frames: readonly Case[]; operations: readonly Case[] }>("frames")

const fieldsOf = ({ type: _, ...fields }: object & { type: string }) => plain(Object.values(fields))

describe("frames of the vectors", () => {
  it.each(frames.filter((one) => one.from === "client"))("$name", ({ fields, bytes }) => {
    const frame = parseClientFrame(fromHex(bytes))
    expect(fieldsOf(frame)).toEqual(fields)
    expect(toHex(encodeClientFrame(frame))).toBe(bytes)
  })

  it.each(frames.filter((one) => one.from === "server"))("$name", ({ fields, bytes }) => {
    const frame = parseServerFrame(fromHex(bytes))
    expect(fieldsOf(frame)).toEqual(fields)
    expect(toHex(encodeServerFrame(frame))).toBe(bytes)
  })

  it.each(operations)("operation $name", ({ fields, bytes }) => {
    const operation = parseOperation(fromHex(bytes))
    expect(fieldsOf(operation)).toEqual(fields)
    expect(toHex(encodeOperation(operation))).toBe(bytes)
  })
})

describe("what is not a frame", () => {
  const parsers = { client: parseClientFrame, server: parseServerFrame }

  it.each(frames)("$name, cut anywhere or with a byte behind it", ({ from, bytes }) => {
    const data = fromHex(bytes)
    const parse = parsers[from as keyof typeof parsers]
    for (let size = 0; size < data.length; size++)
      expect(() => parse(data.subarray(0, size))).toThrow("malformed")
    expect(() => parse(new Uint8Array([...data, 0xc0]))).toThrow("malformed")
  })

  it.each(frames)(
    "$name, with any one byte changed, is refused or read, never anything else",
    ({ from, bytes }) => {
      const parse = parsers[from as keyof typeof parsers]
      for (let at = 0; at < Math.min(bytes.length / 2, 200); at++)
        for (const value of [
          0x00, 0x7f, 0x80, 0x9f, 0xc0, 0xc1, 0xc4, 0xca, 0xcf, 0xd3, 0xd9, 0xdd, 0xdf, 0xff,
        ]) {
          const data = fromHex(bytes)
          data[at] = value
          try {
            parse(data)
          } catch (error) {
            expect(error).toMatchObject({ name: "RemoteProtocolError" })
          }
        }
    },
  )

  test("an unknown number, and a frame of the other side", () => {
    expect(() => parseServerFrame(pack([99]))).toThrow("malformed")
    expect(() => parseServerFrame(pack([]))).toThrow("malformed")
    expect(() => parseServerFrame(pack([8, 1]))).toThrow("malformed")
    expect(() => parseClientFrame(pack([8]))).toThrow("malformed")
  })

  test("one that is too large", () => {
    expect(() => parseServerFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow("too-large")
  })

  test("numbers beyond 2⁵³ − 1, below zero, or with a fraction", () => {
    const cursor = (...number: number[]) => parseClientFrame(new Uint8Array([0x92, 8, ...number]))
    expect(cursor(0xcf, 0, 0x1f, 255, 255, 255, 255, 255, 255)).toEqual({ type: "Cursor", seq: 2 ** 53 - 1 })
    expect(cursor(0xd3, 0, 0, 0, 0, 0, 0, 0, 7)).toEqual({ type: "Cursor", seq: 7 })
    expect(cursor(0xd1, 0, 7)).toEqual({ type: "Cursor", seq: 7 })
    for (const number of [
      [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0],
      [0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
      [0xd3, 255, 255, 255, 255, 255, 255, 255, 255],
      [0xff],
      [0xd0, 0x80],
      [0xd1, 0xff, 0xff],
      [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
    ])
      expect(() => cursor(...number)).toThrow("malformed")
  })
})

describe("later versions", () => {
  const { bytes } = frames.find((one) => one.name === "server checkpoint") as Case

  it.each([
    ["nil", [0xc0]],
    ["a map", [0x81, 0xa1, 0x61, 0x01]],
    ["a large map", [0xde, 0x00, 0x01, 0x01, 0x02]],
    ["a float", [0xcb, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["an extension", [0xc7, 0x02, 0x05, 0x01, 0x02]],
    ["a fixed extension", [0xd4, 0x05, 0x01]],
    ["a negative number", [0xe0]],
    ["a list in a list", [0x91, 0x91, 0x01]],
    ["long text", [0xd9, 0x01, 0x61]],
    ["bytes", [0xc4, 0x01, 0xff]],
  ])("a further field (%s) is stepped over", (_, value) => {
    const data = fromHex(bytes)
    data[0] = (data[0] ?? 0) + 1
    expect(parseServerFrame(new Uint8Array([...data, ...value]))).toEqual(parseServerFrame(fromHex(bytes)))
  })

  test("but not one without end, or too deep", () => {
    const data = fromHex(bytes)
    data[0] = (data[0] ?? 0) + 1
    const deep = new Array(100).fill(0x91)
    for (const value of [
      [0x92, 0x01],
      [0xdd, 255, 255, 255, 255],
      [0xdf, 255, 255, 255, 255],
      [...deep, 1],
      [0xc1],
    ])
      expect(() => parseServerFrame(new Uint8Array([...data, ...value]))).toThrow("malformed")
  })

  test("trailing fields that may be nil may be left out", () => {
    const whole = parseServerFrame(pack([7, null, "muted", "…", null, null]))
    expect(parseServerFrame(pack([7, null, "muted", "…"]))).toEqual(whole)
    expect(() => parseServerFrame(pack([7, null, "muted"]))).toThrow("malformed")
  })
})

test("an event has its body or its hash; governance without its body is withheld", () => {
  const event = (kind: number, body: Uint8Array | null, hash: Uint8Array | null) =>
    pack([1, 2, new Uint8Array(16), kind, new Uint8Array(16), 3, body, null, hash])
  const [body, hash] = [new Uint8Array(1), new Uint8Array(32)]
  const read = (data: Uint8Array): LogEvent => unpack(data, LOG_EVENT.read)
  expect(read(event(1, null, hash)).bodyHash).toEqual(hash)
  expect(read(event(2, body, null)).body).toEqual(body)
  const missing = [1, 2, 3, 4, 5].filter((kind) => isWithheld(read(event(kind, null, hash))))
  expect(missing).toEqual([2, 3, 4])
  for (const wrong of [event(1, null, null), event(1, body, hash), event(6, body, null)])
    expect(() => read(wrong)).toThrow("malformed")
})

test("text is counted in code points, and is UTF-8 that is well formed", () => {
  const refused = (sentence: string) => parseServerFrame(pack([7, null, "internal", sentence]))
  expect(refused("𝒳".repeat(1000))).toMatchObject({ type: "Refused" })
  expect(() => refused("𝒳".repeat(1001))).toThrow("malformed")
  expect(refused("\uFEFFx")).toMatchObject({ sentence: "\uFEFFx" })
  expect(() => parseServerFrame(new Uint8Array([0x92, 10, 0xa1, 0xff]))).toThrow("malformed")
})
