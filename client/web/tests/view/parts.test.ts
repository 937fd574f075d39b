/** Arrival, announcements, drafts, wishes for rooms and settings. */

import { expect, test } from "vitest"
import { announcementOf, type Heard, makeAnnouncer } from "../../src/view/announce.ts"
import { startNavigation } from "../../src/view/app/navigation.ts"
import { arrivalOf } from "../../src/view/arrival.ts"
import { charsOver, emptied, isReady, ready } from "../../src/view/room/drafting.ts"
import { keepsFor, keptOf } from "../../src/view/room/exposing.ts"
import { changesOf, type SetState, wantedOf } from "../../src/view/room/setting.ts"
import { faultsOf, type Making, wishOf } from "../../src/view/screens/making_wish.ts"
import { english } from "../../src/view/words/en.ts"

const DRAFT = { text: "", quotable: "no", keepS: 0, replyTo: undefined } as const
const plain = (text: string): string => text.replaceAll(/[\u2068\u2069]/g, "")

test("the path says what kind of link it is", () => {
  const at = (href: string) => arrivalOf(new URL(href))
  expect(at("https://h.example/i#secret")).toEqual({ by: "invitation", link: "https://h.example/i#secret" })
  expect(at("https://h.example/host#token")).toEqual({ by: "host", link: "https://h.example/host#token" })
  expect(at("https://h.example/#secret")).toEqual({ by: "itself" })
  expect(at("https://h.example/")).toEqual({ by: "itself" })
})

test("the browser's history holds numbers, and leads back through the screens", () => {
  const kept: unknown[] = []
  let pop: (event: { readonly state: unknown }) => void = () => undefined
  const past = {
    pushState: (state: unknown, _: string, url?: string | URL | null) => kept.push([state, url]),
    replaceState: (state: unknown, _: string, url?: string | URL | null) => kept.push([state, url]),
    back: () => pop({ state: 0 }),
  }
  const tab = { addEventListener: (_: string, listener: typeof pop) => (pop = listener) }
  const navigation = startNavigation(past, tab as unknown as Window)
  navigation.restart({ at: "rooms" })
  navigation.go({ at: "room", id: "a-room" })
  expect(navigation.page.value).toEqual({ at: "room", id: "a-room" })
  navigation.back()
  expect(navigation.page.value).toEqual({ at: "rooms" })
  pop({ state: 1 }) // forward: what was there may be gone
  expect(navigation.page.value).toEqual({ at: "rooms" })
  navigation.restart({ at: "knock", id: "a-knock" })
  navigation.back() // nothing led there
  expect(navigation.page.value).toEqual({ at: "rooms" })
  expect(kept.every((one) => JSON.stringify(one).match(/^\[\d+,"\/"\]$/) !== null)).toBe(true)
})

test("messages that come together are announced together", () => {
  const said: (readonly Heard[])[] = []
  const due: (() => void)[] = []
  const announcer = makeAnnouncer(
    (heard) => said.push(heard),
    (work) => {
      due.push(work)
      return () => due.splice(due.indexOf(work), 1)
    },
  )
  announcer.add({ name: "A", text: "one" })
  announcer.add({ name: "B", text: "two" })
  expect(said).toEqual([])
  due.shift()?.()
  expect(said.map((heard) => heard.length)).toEqual([2])
  announcer.add({ name: "A", text: "three" })
  announcer.stop()
  expect(due).toEqual([])
})

test("one message is read out, of several it is said from whom", () => {
  expect(announcementOf([], english)).toBe("")
  expect(plain(announcementOf([{ name: "A", text: "hello" }], english))).toBe("A: hello")
  const three = ["A", "B", "A"].map((name) => ({ name, text: "x" }))
  expect(plain(announcementOf(three, english))).toBe("3 new messages from A and B")
  expect(announcementOf([{ name: "A", text: "y".repeat(5000) }], english).length).toBeLessThan(300)
})

test("a message has 1 to 20,000 characters, as the protocol counts them", () => {
  expect(charsOver("😀".repeat(20_000))).toBe(0)
  expect(charsOver("x".repeat(20_003))).toBe(3)
  expect(isReady({ ...DRAFT, text: "  \n " })).toBe(false)
  expect(isReady({ ...DRAFT, text: ` ${"x".repeat(20_000)} ` })).toBe(true)
  expect(isReady({ ...DRAFT, text: "x".repeat(20_001) })).toBe(false)
  expect(ready({ ...DRAFT, text: " hello\n" }).text).toBe("hello")
})

test("what was sent leaves the field, what was written since stays, and so does what was chosen about quoting", () => {
  const sent = { ...DRAFT, text: "one", quotable: "named", keepS: 60, replyTo: "m1" } as const
  const nothing = { text: "", quotable: "named", keepS: 60, replyTo: undefined }
  expect(emptied(sent, { ...sent, text: " one\n" })).toEqual(nothing)
  expect(emptied(sent, { ...sent, text: "one and two" })).toEqual({ ...nothing, text: "and two" })
  expect(emptied(sent, { ...sent, text: "another", replyTo: "m2" })).toEqual({
    ...nothing,
    text: "another",
    replyTo: "m2",
  })
})

test("how long a message is kept, in words", () => {
  const kept = (seconds: number, after_reading: boolean) => keptOf({ seconds, after_reading }, english)
  expect(kept(0, false)).toBe("until the room is closed")
  expect(kept(604_800, false)).toBe("for 7 days")
  expect(kept(0, true)).toBe("until all have read it")
  expect(kept(86_400, true)).toBe("for 1 day, or until all have read it")
})

test("a message is offered to be kept shorter than the room keeps it, never longer", () => {
  expect(keepsFor({ seconds: 86_400, after_reading: false })).toEqual([0, 3600])
  expect(keepsFor({ seconds: 0, after_reading: false }).length).toBeGreaterThan(3)
})

const MAKING: Making = {
  title: " Crossing  hours ",
  name: "Ingrid",
  welcome: "",
  rules: "One.\n\n Two. \n",
  parties: ["Alliance", "Union "],
  mine: "b",
  retentionS: 0,
  afterReading: false,
  history: "none",
  admission: "party",
  suite: 83,
}

test("a room is wished for as it was written, tidied", () => {
  expect(faultsOf(MAKING)).toEqual([])
  const wish = wishOf(MAKING, "https://h.example")
  expect(wish.title).toBe("Crossing hours")
  expect(wish.rules).toEqual(["One.", "Two."])
  expect(wish.parties).toEqual([
    { id: "a", name: "Alliance" },
    { id: "b", name: "Union" },
  ])
  expect(wish.admission).toBe("party")
  expect(wishOf({ ...MAKING, parties: [], mine: "" }, "https://h.example").admission).toBe("any")
  expect(wish.party).toBe("b")
  expect(wishOf({ ...MAKING, mine: "" }, "").party).toBeUndefined()
})

test.each([
  ["title", { title: "  " }],
  ["name", { name: "x".repeat(81) }],
  ["rules", { rules: Array.from({ length: 13 }, () => "Rule.").join("\n") }],
  ["rules", { rules: "x".repeat(301) }],
  ["welcome", { welcome: "x".repeat(2001) }],
  ["parties", { parties: ["A", ""] }],
  ["parties", { parties: ["A", "A"] }],
] as const)("what is wrong with the %s of a room is found", (fault, part) => {
  expect(faultsOf({ ...MAKING, ...part })).toEqual([fault])
})

const STATE: SetState = {
  title: "T",
  welcome: "W",
  rules: { version: 1, lines: ["One."] },
  parties: [],
  admission: { rule: "any", version: 1 },
  retention: { seconds: 0, after_reading: false },
  history: "none",
  closed: null,
  suite: 83,
}

test("only what was changed is set", () => {
  const wanted = wantedOf(STATE)
  expect(changesOf(STATE, wanted)).toEqual({})
  expect(changesOf(STATE, { ...wanted, rules: "One.\n" })).toEqual({})
  expect(changesOf(STATE, { ...wanted, rules: "One.\nTwo.", afterReading: true })).toEqual({
    rules: ["One.", "Two."],
    retention: { seconds: 0, after_reading: true },
  })
  expect(changesOf(STATE, { ...wanted, admission: "party", title: "N " })).toEqual({
    admission: "party",
    title: "N",
  })
})
