/** The ledger: what is shown is what is stored, after every change and when it is opened again. */

import { beforeAll, describe, expect, test } from "vitest"
import { b64u, randomBytes } from "../../src/base/bytes.ts"
import type { Entry } from "../../src/model/contract.ts"
import { type About, createLedger, type Ledger, loadLedger, newChange } from "../../src/model/ledger.ts"
import { Newsroom } from "../../src/model/news.ts"
import type { NewEntry } from "../../src/model/room/entries.ts"
import { generateSeatKeys, newMemberOf } from "../../src/model/room/keys.ts"
import { mls } from "../../src/model/room/membership.ts"
import { firstView, noted, type RoomView } from "../../src/model/room/view.ts"
import { noteSeen, seenHere, unreadOf } from "../../src/model/seeing.ts"
import { memoryProfile } from "../../src/model/store/memory.ts"
import { movingProfile } from "../../src/model/store/moving.ts"
import type { Profile } from "../../src/model/store/profile.ts"
import { parseRow } from "../../src/model/store/row.ts"
import { roomNow } from "../stage/people.ts"

const OTHER = b64u(new Uint8Array(16))

let about: About
let first: RoomView

beforeAll(async () => {
  const keys = await generateSeatKeys(1)
  const room = randomBytes(16)
  about = { url: "https://talks.example", recordKey: randomBytes(32), keys }
  first = firstView(room, keys.seat, await mls.create(room, newMemberOf(keys, 1_800_000_000)))
})

const messageAt = (seq: number, text = `message ${seq}`): NewEntry => ({
  kind: "message",
  seq,
  time: seq,
  seat: OTHER,
  id: `m${seq}`,
  name: "Ann",
  party: undefined,
  role: "participant",
  text,
  gone: "",
  exposure: { audience: "room", quotable: "no", until: 0 },
  replyTo: undefined,
})

async function opened(profile: Profile): Promise<Ledger> {
  const row = (await profile.rooms()).get(first.id)
  return loadLedger(profile, first.id, parseRow(row ?? new Uint8Array()))
}

/** As JSON has it, in which a member that is undefined is not there. */
const plain = (entries: readonly Entry[]): unknown => JSON.parse(JSON.stringify(entries))

const store = (ledger: Ledger, parts: Parameters<typeof newChange>[0]): Promise<void> =>
  ledger.alone(() => ledger.store(newChange(parts)))

const say = (ledger: Ledger, from: number, count: number): Promise<void> =>
  store(ledger, { facts: Array.from({ length: count }, (_, at) => messageAt(from + at)) })

describe("the timeline", () => {
  test("is the same when it is opened again, however it came about", async () => {
    const profile = memoryProfile()
    const ledger = await createLedger(profile, about, first)
    for (const [from, count] of [
      [1, 1],
      [2, 62],
      [64, 2],
      [66, 200],
      [266, 1],
    ] as const)
      await say(ledger, from, count)
    await store(ledger, { facts: [messageAt(267, "x".repeat(20_000)), messageAt(268)] })
    await store(ledger, {
      facts: [{ kind: "retracted", message: "m3" }, messageAt(269), { kind: "retracted", message: "m269" }],
      expired: new Set(["m150", "m268"]),
    })
    const again = await opened(profile)
    expect(again.entries.map((entry) => entry.number)).toEqual(Array.from({ length: 269 }, (_, at) => at))
    expect(plain(again.entries)).toEqual(plain(ledger.entries))
    for (const [id, gone] of [
      ["m3", "retracted"],
      ["m269", "retracted"],
      ["m150", "expired"],
      ["m268", "expired"],
    ] as const) {
      expect(again.message(id)).toMatchObject({ gone })
      expect(again.message(id)?.text).toBeUndefined()
    }
    expect(again.message("m4")).toMatchObject({ gone: "", text: "message 4" })
    await say(again, 270, 3)
    expect(plain((await opened(profile)).entries)).toEqual(plain(again.entries))
  })

  test("is stored in blocks, of which a message changes one", async () => {
    const written: number[] = []
    const memory = memoryProfile()
    const profile: Profile = {
      ...memory,
      write: (room, write) => {
        written.push(write.timeline?.size ?? 0)
        return memory.write(room, write)
      },
    }
    const ledger = await createLedger(profile, about, first)
    await say(ledger, 1, 1000)
    await say(ledger, 1001, 1)
    await store(ledger, { facts: [{ kind: "retracted", message: "m500" }] })
    const [, all = 0, ...single] = written
    expect(all).toBeLessThan(20)
    expect(single).toEqual([1, 1])
  })

  test("is told as it changes: what is new, and what is gone", async () => {
    const ledger = await createLedger(memoryProfile(), about, first)
    const told: (readonly number[])[] = []
    const unlisten = ledger.listen((entries) => told.push(entries.map((entry) => entry.number)))
    await say(ledger, 1, 2)
    await store(ledger, { facts: [messageAt(3), { kind: "retracted", message: "m1" }] })
    await store(ledger, { expired: new Set(["m1"]) })
    unlisten()
    await say(ledger, 4, 1)
    expect(told.map((numbers) => [...numbers].sort())).toEqual([[0, 1], [0, 2], []])
    expect(ledger.message("m1")).toMatchObject({ gone: "retracted" })
  })
})

test("intents are numbered by their class, places are never given twice", async () => {
  const profile = memoryProfile()
  const ledger = await createLedger(profile, about, first)
  await ledger.alone(() => ledger.enqueue("chat", "message", { text: "one" }))
  await ledger.alone(() => ledger.enqueue("governance", "accept", { version: 1 }))
  await store(ledger, { dropItems: new Set([1, 2]) })
  const again = await opened(profile)
  const { number, place } = await again.alone(() => again.enqueue("chat", "message", { text: "two" }))
  expect([place, number]).toEqual([3, 2])
})

test("steps wait for one another, and one that fails keeps nobody back", async () => {
  const ledger = await createLedger(memoryProfile(), about, first)
  const order: number[] = []
  const failed = ledger.alone(async () => {
    await Promise.resolve()
    order.push(1)
    throw new RangeError("as it happens")
  })
  const next = ledger.alone(async () => order.push(2))
  await expect(failed).rejects.toThrow(RangeError)
  await next
  expect(order).toEqual([1, 2])
})

test("what is not stored is not seen", async () => {
  const memory = memoryProfile()
  let isFull = false
  const profile: Profile = {
    ...memory,
    write: (room, write) => (isFull ? Promise.reject(new RangeError("full")) : memory.write(room, write)),
  }
  const ledger = await createLedger(profile, about, first)
  isFull = true
  await expect(say(ledger, 1, 1)).rejects.toThrow("full")
  expect(ledger.entries).toEqual([])
  isFull = false
  await say(ledger, 1, 1)
  expect(plain((await opened(profile)).entries)).toEqual(plain(ledger.entries))
})

test("the window outlives many more events than it holds", async () => {
  const profile = memoryProfile()
  const ledger = await createLedger(profile, about, first)
  let view = first
  for (let batch = 0; batch < 18; batch++) {
    for (let at = 0; at < 250; at++)
      view = noted({ ...view, seq: view.seq + 1, chain: randomBytes(32) }, view)
    await store(ledger, { view })
  }
  const again = (await opened(profile)).view
  expect(again.window).toEqual(view.window)
  expect(again.window.at(-1)?.seq).toBe(4500)
  expect(again).toMatchObject({ seq: 4500, own: first.own, presence: "present", opening: first.opening })
})

test("what was seen is known at once, and never goes back", async () => {
  const ledger = await createLedger(memoryProfile(), about, first)
  const facts = [messageAt(1), messageAt(2), messageAt(3)]
  await store(ledger, { view: { ...first, seq: 3 }, facts })
  expect(unreadOf(ledger)).toBe(3)
  await noteSeen(ledger, 2)
  await noteSeen(ledger, 1)
  expect([seenHere(ledger), unreadOf(ledger)]).toEqual([2, 1])
  await noteSeen(ledger, 99) // nobody has seen what is not there
  expect([seenHere(ledger), unreadOf(ledger)]).toEqual([3, 0])
})

test("a room moves to a profile that lasts, with what is written meanwhile", async () => {
  const lasting: Profile = { ...memoryProfile(), isLasting: true }
  const profile = movingProfile(memoryProfile())
  const ledger = await createLedger(profile, about, first)
  await say(ledger, 1, 1)
  await Promise.all([profile.moveTo(lasting), say(ledger, 2, 1)])
  expect(profile.isLasting).toBe(true)
  await say(ledger, 3, 1)
  expect((await opened(lasting)).entries.map((entry) => entry.seq)).toEqual([1, 2, 3])
  await expect(movingProfile(profile).moveTo(lasting)).rejects.toMatchObject({ code: "profile-exists" })
})

test("a page is told the latest entries first, then all others", async () => {
  const ledger = await createLedger(memoryProfile(), about, first)
  await say(ledger, 1, 1250)
  const pieces: (readonly number[])[] = []
  const done = Promise.withResolvers<void>()
  const newsroom = new Newsroom(
    (news) => {
      if (news.news !== "entries") return
      pieces.push(news.entries.map((entry) => entry.number))
      if (news.entries[0]?.number === 0) done.resolve()
    },
    {
      lobby: () => ({ isLasting: false, rooms: [], knocks: [], hosts: [], makings: [] }),
      room: (id) => roomNow(id, 0),
      entries: () => ledger.entries,
    },
  )
  newsroom.open(first.id)
  await done.promise
  newsroom.end()
  expect(pieces.map((numbers) => [numbers[0], numbers.length])).toEqual([
    [1150, 100],
    [650, 500],
    [150, 500],
    [0, 150],
  ])
})
