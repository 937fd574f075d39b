import { describe, expect, it, test } from "vitest"
import { parseUtf8, utf8 } from "../../src/base/bytes.ts"
import { jcs, parseJcs } from "../../src/protocol/canonical.ts"
import { parseB64u } from "../../src/protocol/ids.ts"

const text = (value: Parameters<typeof jcs>[0]) => parseUtf8(jcs(value))

test("names are sorted by UTF-16, text is escaped as RFC 8785 says", () => {
  expect(text({ "\u{1F600}": 1, "\uFB33": 2, b: [true, null], a: -1 })).toBe(
    '{"a":-1,"b":[true,null],"\u{1F600}":1,"\uFB33":2}',
  )
  expect(text("\u20ac$\u000f\nA'B\"\\\u007f")).toBe('"\u20ac$\\u000f\\nA\'B\\"\\\\\u007f"')
})

test("what has no canonical form is our own bug", () => {
  for (const value of [0.5, 2 ** 53, Number.NaN, "\ud800", { "\udc00": 1 }])
    expect(() => jcs(value)).toThrow(expect.objectContaining({ name: "LocalProtocolError" }))
})

const deep = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`

describe("what is not an object in its canonical form", () => {
  it.each([
    ["nothing", ""],
    ["a list", "[]"],
    ["a number", "1"],
    ["a space", '{ "a":1}'],
    ["another order", '{"b":1,"a":2}'],
    ["a name twice", '{"a":1,"a":1}'],
    ["a fraction", '{"a":1.5}'],
    ["a fraction of nothing", '{"a":1.0}'],
    ["an exponent", '{"a":1e2}'],
    ["minus nothing", '{"a":-0}'],
    ["a number too large", '{"a":9007199254740992}'],
    ["one that is rounded", '{"a":9007199254740993}'],
    ["an escape that is not needed", '{"a":"\\u0041"}'],
    ["a lone surrogate", '{"a":"\\ud800"}'],
    ["a byte order mark", '\ufeff{"a":1}'],
    ["something behind", '{"a":1}\n'],
    ["too deep", deep(32)],
    ["much too deep", deep(200_000)],
  ])("%s", (_, value) => {
    expect(() => parseJcs(utf8(value))).toThrow(expect.objectContaining({ code: "malformed" }))
  })

  test("bytes that are not UTF-8", () => {
    expect(() => parseJcs(new Uint8Array([0x7b, 0xff, 0x7d]))).toThrow("malformed")
  })
})

test("what is", () => {
  for (const value of ['{"a":9007199254740991}', '{"__proto__":{"a":1}}', '{"":[{}]}', deep(31)])
    expect(text(parseJcs(utf8(value)))).toBe(value)
})

test("base64url has one form for each value", () => {
  expect(parseB64u("_-8")).toEqual(new Uint8Array([0xff, 0xef]))
  for (const wrong of ["_-9", "_-8=", "_-8\n", "+/8", "_", " _-8", "_-8\u0000"])
    expect(() => parseB64u(wrong)).toThrow("malformed")
  expect(() => parseB64u("_-8", 3)).toThrow("malformed")
})
