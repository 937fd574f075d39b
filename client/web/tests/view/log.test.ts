/** The long conversation: heights, what is shown of it, what is found in it. */

import { expect, test } from "vitest"
import type { Entry } from "../../src/model/contract.ts"
import { makeHeights, rangeAt } from "../../src/view/room/heights.ts"
import { find, isShown, makeHistory } from "../../src/view/room/history.ts"

const message = (number: number, text: string, seat = "a"): Entry => ({
  kind: "message",
  number,
  seq: number + 1,
  time: 1000 + number,
  seat,
  id: `m${number}`,
  name: seat === "a" ? "Amal" : "Daniel",
  party: undefined,
  role: "participant",
  text,
  gone: "",
  exposure: { audience: "room", quotable: "no", until: 0 },
  replyTo: undefined,
})

const confirm = (number: number): Entry => ({
  kind: "governed",
  number,
  seq: number + 1,
  time: 1000 + number,
  seat: "a",
  id: `g${number}`,
  type: "confirm",
  body: {},
})

test("sums and offsets of rows agree with adding them up one by one, while heights change and rows come", () => {
  const heights = makeHeights()
  const plain: number[] = []
  let seed = 20_261_122
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  for (let step = 0; step < 3000; step += 1) {
    if (step % 7 === 0) {
      heights.grow(plain.length + 1)
      plain.push(0)
    }
    const row = random(plain.length)
    const height = random(4) === 0 ? 0 : random(300)
    heights.set(row, height)
    plain[row] = height
    const total = plain.reduce((sum, one) => sum + one, 0)
    expect(heights.total).toBe(total)
    const until = random(plain.length + 1)
    expect(heights.before(until)).toBe(plain.slice(0, until).reduce((sum, one) => sum + one, 0))
    const offset = random(total + 1)
    const found = heights.at(offset)
    expect(heights.before(found)).toBeLessThanOrEqual(offset)
    if (offset < total) expect(heights.before(found) + heights.get(found)).toBeGreaterThan(offset)
  }
})

test("a row that does not exist has no height and takes none", () => {
  const heights = makeHeights()
  heights.set(3, 50)
  expect(heights.total).toBe(0)
  expect(heights.at(100)).toBe(0)
})

test("what is seen and some around it is shown, of 20,000 rows a few dozen", () => {
  const heights = makeHeights()
  heights.grow(20_000)
  for (let row = 0; row < 20_000; row += 1) heights.set(row, 80)
  expect(rangeAt(heights, 0, 800, 800)).toEqual({ first: 0, last: 20 })
  expect(rangeAt(heights, 800_000, 800, 800)).toEqual({ first: 9990, last: 10_020 })
  expect(rangeAt(heights, 1_599_200, 800, 800)).toEqual({ first: 19_980, last: 19_999 })
})

test("a history is filled from its newest end, in pieces", () => {
  const history = makeHistory()
  history.take([message(2, "two"), message(3, "three")], 4)
  expect(history.first).toBe(4)
  history.take([message(0, "zero"), confirm(1)], 4)
  history.take([message(4, "four")], 5)
  expect(history.first).toBe(4)
  expect(history.entries.map((one) => one?.number)).toEqual([0, 1, 2, 3, 4])
  expect(history.numberOf("m3")).toBe(3)
  expect(history.nameOf("a")).toBe("Amal")
})

test("the machinery's acts are not shown, and nothing stands after them", () => {
  const history = makeHistory()
  history.take([message(0, "zero"), confirm(1), confirm(2), message(3, "three")], 4)
  expect(history.entries.map(isShown)).toEqual([true, false, false, true])
  expect(history.shownBefore(3)?.number).toBe(0)
  expect(history.shownBefore(0)).toBeUndefined()
})

test("a message that is gone is gone from its place", () => {
  const history = makeHistory()
  history.take([message(0, "zero")], 1)
  history.take([{ ...message(0, ""), text: undefined, gone: "retracted" } as Entry], 1)
  expect(history.messageOf("m0")?.text).toBeUndefined()
  expect(find(history.entries, "zero", 10)).toEqual([])
})

test("search finds all words, in any case and without their marks, the newest first", () => {
  const entries = [
    message(0, "The crossing opens at NINE"),
    message(1, "قُلتُ لك: المَعبر"),
    message(2, "nine crossings", "b"),
  ]
  expect(find(entries, "crossing nine", 10).map((one) => one.number)).toEqual([2, 0])
  expect(find(entries, "قلت المعبر", 10).map((one) => one.number)).toEqual([1])
  expect(find(entries, "daniel", 10).map((one) => one.number)).toEqual([2])
  expect(find(entries, "  ", 10)).toEqual([])
  expect(find(entries, "n", 1).length).toBe(1)
})
