/** The catalogues: a sentence for every code, every plural form, nothing left to fill in. */

import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { CODES } from "../../src/protocol/refusals.ts"
import { FOLD_CODES } from "../../src/protocol/room/refusals.ts"
import { reasonOf, sentenceOf } from "../../src/view/app/reason.ts"
import { arabic } from "../../src/view/words/ar.ts"
import { CLIENT_CODES } from "../../src/view/words/codes.ts"
import { type Catalogue, english } from "../../src/view/words/en.ts"

const CATALOGUES: readonly (readonly [string, Catalogue])[] = [
  ["English", english],
  ["Arabic", arabic],
]
const COUNTS = [0, 1, 2, 3, 6, 10, 11, 26, 99, 100, 101, 102, 111, 1000]
const SRC = new URL("../../src", import.meta.url).pathname
/** Where the model and MLS name a code: in what they throw, and in reasons. */
const CODE = /(?:new [A-Z]\w*|\bstop|\brefuse)\(\s*"([a-z]+(?:-[a-z]+)*)"|\bcode: "([a-z]+(?:-[a-z]+)*)"/g

const codesIn = (folder: string): readonly string[] =>
  readdirSync(join(SRC, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [...readFileSync(join(SRC, folder, name), "utf8").matchAll(CODE)])
    .map(([, thrown, told]) => thrown ?? told ?? "")

test.each(CATALOGUES)(
  "%s has a sentence for each code of the server and the fold, and no other",
  (_, { reasons }) => {
    const codes = new Set<string>([...CODES, ...FOLD_CODES, ...CLIENT_CODES])
    expect(new Set(Object.keys(reasons))).toEqual(codes)
  },
)

test("each code that the model names has a sentence", () => {
  const named = [...codesIn("model"), ...codesIn("mls")]
  expect(named.length).toBeGreaterThan(40)
  expect(named.filter((code) => !Object.hasOwn(english.reasons, code))).toEqual([])
})

test.each(CATALOGUES)(
  "%s says something about a code that it does not know, and never the code itself",
  (_, words) => {
    for (const code of ["of-tomorrow", "__proto__", "constructor", ""])
      expect(sentenceOf({ code }, words)).toBe(words.reasonUnknown)
  },
)

test("a reason's time and parties are said", () => {
  expect(sentenceOf({ code: "muted", time: 1_800_000_000 }, english)).toMatch(/2027/)
  expect(sentenceOf({ code: "waiting-for-facilitator", parties: ["Beta"] }, english)).toContain("Beta")
  expect(sentenceOf({ code: "waiting-for-facilitator", parties: [] }, english)).toBe(
    english.reasons["waiting-for-facilitator"],
  )
})

test("what fails without a code is internal", () => {
  expect(reasonOf(new Error("x"))).toEqual({ code: "internal" })
  expect(reasonOf("x")).toEqual({ code: "internal" })
  expect(reasonOf(Object.assign(new Error("x"), { code: "expired" }))).toEqual({ code: "expired" })
})

/** Every text of a catalogue, functions called with names and with each count. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value]
  if (Array.isArray(value)) return value.flatMap(textsOf)
  if (typeof value === "function") return COUNTS.flatMap((count) => called(value as Sentence, count))
  return Object.entries(value as object)
    .filter(([name]) => name !== "say")
    .flatMap(([, one]) => textsOf(one))
}

type Sentence = (...words: readonly unknown[]) => string

function called(sentence: Sentence, count: number): readonly string[] {
  const names = Array.from({ length: Math.min(count, 3) }, (_, at) => `N${at}`)
  return [count, "Somebody", names].flatMap((one) => {
    try {
      const said = sentence(one, typeof one === "number" ? names : "Other", names)
      return typeof one !== "number" && said.includes("NaN") ? [] : [said] // it counts
    } catch {
      return [] // it takes something else in that place
    }
  })
}

test.each(CATALOGUES)("%s leaves nothing unsaid", (_, words) => {
  const texts = textsOf(words).filter((text) => text !== "")
  expect(texts.length).toBeGreaterThan(400)
  expect(texts.filter((text) => /#|undefined|\[object|NaN/.test(text))).toEqual([])
})

test("Arabic is written in Arabic, all of it", () => {
  const latin = textsOf({ ...arabic, common: { ...arabic.common, product: "" }, keyboard: "" })
    .filter((text) => /[a-z]{3,}/i.test(text) && !/[\u0600-\u06ff]/.test(text))
    .filter((text) => !/^(?:Somebody|Other|N\d|: Other)/.test(text.replaceAll(/[\u2068\u2069]/g, "")))
  expect(latin).toEqual([])
})

test("Arabic counts in six forms", () => {
  const forms = [0, 1, 2, 3, 11, 100].map((count) =>
    arabic.rooms.unread(count).replaceAll(/[\d\u0660-\u0669]+/g, "#"),
  )
  expect(forms[1]).toBe("رسالة جديدة واحدة")
  expect(forms[2]).toBe("رسالتان جديدتان")
  expect(forms[3]).toBe("# رسائل جديدة")
  expect(forms[4]).toBe("# رسالة جديدة")
})

test("names within sentences keep their direction to themselves", () => {
  expect(english.acts.left("ياسمين")).toBe("\u2068ياسمين\u2069 left.")
  expect(arabic.acts.left("Amal")).toContain("\u2068Amal\u2069")
})
