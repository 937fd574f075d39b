/** When it is tried again, what is believed at the door, and in which order what waits goes out. */

import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest"
import { EMPTY_ITEM, type Item, inSendingOrder, type Plan } from "../../src/model/items.ts"
import { Patience } from "../../src/model/patience.ts"
import type { RoomView } from "../../src/model/room/view.ts"
import { enter } from "./entrance.ts"

let view: RoomView

beforeAll(async () => {
  view = (await enter(1)).view
})

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, "random").mockReturnValue(0.5) // a pause as long as it is on average
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** How long a pause takes, in whole tenths of a second; `meanwhile` is done when it has begun. */
async function restS(
  patience: Patience,
  seen = view,
  meanwhile = () => undefined as unknown,
): Promise<number> {
  const began = performance.now()
  let took = Number.NaN
  const rest = patience.rest(seen).then(() => {
    took = performance.now() - began
  })
  meanwhile()
  await vi.runAllTimersAsync()
  await rest
  return Math.round(took / 100) / 10
}

async function pausesS(patience: Patience, count: number, seen = view): Promise<readonly number[]> {
  const pauses: number[] = []
  for (let at = 0; at < count; at++) pauses.push(await restS(patience, seen))
  return pauses
}

// ---- when it is tried again

test("a pause doubles up to half a minute, and is short again when all was there", async () => {
  const patience = new Patience()
  expect(await pausesS(patience, 9)).toEqual([0.3, 0.5, 1, 2, 4, 8, 16, 30, 30])
  patience.connected()
  expect(await restS(patience)).toBe(0.3)
})

test("who writes does not wait for the end of a pause, and a flood tries no oftener than each two seconds", async () => {
  const patience = new Patience()
  await pausesS(patience, 7)
  const flood = () => {
    for (let at = 0; at < 50; at++) patience.hurry()
  }
  expect(await restS(patience, view, flood)).toBe(2)
  flood() // during an attempt: it counts for the pause after it
  expect(await restS(patience)).toBe(2)
  expect(await restS(patience)).toBe(30)
})

test("what is wanted in the two seconds is served by the attempt after them", async () => {
  const patience = new Patience()
  await pausesS(patience, 7)
  const twice = () => {
    patience.hurry()
    setTimeout(() => patience.hurry(), 1000)
  }
  expect(await restS(patience, view, twice)).toBe(2)
  expect(await restS(patience)).toBe(30)
})

test("a pause that is shorter than that is not made longer", async () => {
  const patience = new Patience()
  expect(await restS(patience, view, () => patience.hurry())).toBe(0.3)
})

test("the end is waited for by nobody", async () => {
  for (const code of ["stopping", "removed", "replaced"]) {
    const patience = new Patience()
    await pausesS(patience, 7)
    expect(patience.believes(code, view)).toBe(false)
    expect(await restS(patience, view, () => patience.end())).toBe(0)
  }
})

// ---- what is believed

test("`removed` is believed when the log shows it", () => {
  const patience = new Patience()
  expect(patience.believes("removed", { ...view, presence: "removed" })).toBe(true)
  expect(patience.believes("removed", { ...view, presence: "left" })).toBe(true)
  expect(patience.doubt).toBeUndefined()
})

test("`removed` that the log does not show is doubted: told, and tried again ever more rarely", async () => {
  const patience = new Patience()
  expect(patience.believes("removed", view)).toBe(false)
  expect(patience.doubt).toEqual({ code: "removed-unseen" })
  const pauses = await pausesS(patience, 14)
  expect(pauses.slice(7, 10)).toEqual([32, 64, 128])
  expect(pauses.at(-1)).toBe(600)
  expect(await restS(patience, view, () => patience.hurry())).toBe(600)
  patience.lost() // the server is gone: who writes when it is back does not wait for the lie's pause
  expect(patience.doubt).toBeUndefined()
  expect(await restS(patience)).toBe(2)
  expect(await restS(patience)).toBe(30)
})

test("who was cut off by a commit that nobody takes comes back soon", async () => {
  const cut = { ...view, clear: { ...view.clear, gone: new Set([view.own]) } }
  const patience = new Patience()
  expect(patience.believes("removed", cut)).toBe(false)
  expect((await pausesS(patience, 14, cut)).at(-1)).toBe(30)
})

test("`replaced` is tried once more after five seconds, and final the second time within ten minutes", async () => {
  const patience = new Patience()
  expect(patience.believes("replaced", view)).toBe(false)
  expect(patience.doubt).toEqual({ code: "replaced-once" })
  expect(await restS(patience, view, () => patience.hurry())).toBe(5)
  patience.connected()
  expect(patience.doubt).toBeUndefined()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(patience.believes("replaced", view)).toBe(false)
  await vi.advanceTimersByTimeAsync(599_000)
  expect(patience.believes("replaced", view)).toBe(true)
})

test("of the other refusals, those are final that a new connection would hear too", () => {
  for (const code of ["unknown-room", "unknown-seat", "bad-signature", "version", "room-ended"])
    expect(new Patience().believes(code, view)).toBe(true)
  for (const code of ["stopping", "internal", "too-slow", "of-tomorrow"])
    expect(new Patience().believes(code, view)).toBe(false)
})

// ---- in which order

const item = (place: number, parts: Partial<Item> = {}): Item => ({ ...EMPTY_ITEM, place, ...parts })
const chat = (place: number, parts: Partial<Item> = {}): Item =>
  item(place, { lane: "chat", type: "message", ...parts })
const planned = (parts: Partial<Plan>): Partial<Item> => ({
  plan: { seat: "x", package: null, mailbox: null, isPath: false, ...parts },
})
const approval = (act: string): Partial<Item> => ({ type: "approve", body: { act: { act }, signature: "" } })
const placesOf = (...items: readonly Item[]) => inSendingOrder(items).map((one) => one.place)

const TAKING_AWAY: Readonly<Record<string, Partial<Item>>> = {
  voiding: { operations: [{ type: "VoidCommit", act: null, commit: new Uint8Array(16) }] },
  "the approval of a removal": approval("remove"),
  "its commit": planned({}),
  unapprove: { type: "unapprove" },
  revoke: { type: "revoke" },
}

test.each(Object.entries(TAKING_AWAY))("%s goes before chat", (_, urgent) => {
  expect(placesOf(chat(4), item(7, urgent), chat(1))).toEqual([7, 1, 4])
})

const OTHERS: Readonly<Record<string, Partial<Item>>> = {
  "the approval of who comes in": approval("add"),
  "its commit": planned({ package: new Uint8Array(1) }),
  leave: { type: "leave" },
  rules: { type: "rules" },
}

test.each(Object.entries(OTHERS))("%s does not", (_, other) => {
  expect(placesOf(chat(1), item(7, other))).toEqual([1, 7])
})

test("nothing overtakes within its lane, and new keys go before all", () => {
  const removal = item(3, approval("remove"))
  expect(placesOf(chat(1), item(2, { type: "title" }), removal, chat(4))).toEqual([1, 2, 3, 4])
  const begun = chat(1, { submit: [] })
  expect(placesOf(begun, removal, chat(4))).toEqual([1, 3, 4])
  const keys = item(9, planned({ isPath: true }))
  expect(placesOf(begun, removal, chat(4), keys)).toEqual([9, 1, 3, 4])
})
