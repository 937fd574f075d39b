/** Numbers, days and lengths of time as languages say them; and which language a browser gets. */

import { expect, test } from "vitest"
import { languageFor } from "../../src/view/words/language.ts"
import { daysBetween, partsOf, regional, sayIn } from "../../src/view/words/say.ts"
import { spoken, wordOf } from "../../src/view/words/three.ts"

const NOON_S = new Date(2026, 4, 14, 12).getTime() / 1000
const DAY_S = 24 * 3600

test("a length of time is said in its two largest units", () => {
  expect(partsOf(0)).toEqual([[0, "second"]])
  expect(partsOf(3600)).toEqual([[1, "hour"]])
  expect(partsOf(8 * DAY_S + 3600 + 61)).toEqual([
    [8, "day"],
    [1, "hour"],
  ])
  expect(sayIn("en", "ltr").duration(7 * DAY_S)).toBe("7 days")
  expect(sayIn("ar-MA", "rtl").duration(2 * DAY_S)).toBe("يومان")
})

test("today and yesterday have names, other days a weekday", () => {
  const say = sayIn("en-GB", "ltr")
  expect(say.day(NOON_S, NOON_S + 3600)).toBe("Today")
  expect(say.day(NOON_S, NOON_S + DAY_S)).toBe("Yesterday")
  expect(say.day(NOON_S, NOON_S + 3 * DAY_S)).toMatch(/^Thursday/)
})

test("days change at midnight", () => {
  const late = new Date(2026, 4, 14, 23, 59).getTime() / 1000
  expect(daysBetween(late, late + 120)).toBe(1)
  expect(daysBetween(late - 3600, late)).toBe(0)
})

test("every region's dates are of the same calendar", () => {
  expect(sayIn("ar-SA", "rtl").moment(NOON_S)).toMatch(/2026|٢٠٢٦/)
})

test("a language comes with the person's region where the browser names one", () => {
  expect(regional("ar", ["fr", "ar-MA", "ar"])).toBe("ar-MA")
  expect(regional("ar", ["en-GB", "arn"])).toBe("ar")
})

test("the browser's first language that there is, unless one was chosen", () => {
  expect(languageFor(["fr-CA", "ar-EG", "en"], null)).toBe("ar")
  expect(languageFor(["fr"], null)).toBe("en")
  expect(languageFor(["ar"], "en")).toBe("en")
  expect(languageFor(["ar"], "__proto__")).toBe("ar")
})

test("there are 2,048 words, all different, the Python client's first and last among them", () => {
  const all = Array.from({ length: 2048 }, (_, number) => wordOf(number))
  expect(new Set(all).size).toBe(2048)
  expect(all.every((word) => /^[a-z]{4}$/.test(word))).toBe(true)
  expect(spoken([0, 1203, 2047])).toEqual(["baba", "hosu", "luzu"])
})
