/**
 * The screens with made-up people and no engine, for looking at them while they are made: `npx vite`, then
 * /tests/stage/stage.html?at=room&lang=ar. No part of the build.
 *
 * at   start, invited, hosting, making, knock, knock-asking, knock-failed, rooms, room, rules, stopped, offline
 * n    how many entries the room has
 */

import type { Draft, Engine, Entry, Lobby, News, RoomNow } from "../../src/model/contract.ts"
import { hear, makeApp } from "../../src/view/app/app.ts"
import type { Arrival } from "../../src/view/arrival.ts"
import { show } from "../../src/view/show.tsx"
import { entriesOf, NOW_S, roomNow } from "./people.ts"

const asked = new URLSearchParams(location.search)
const at = asked.get("at") ?? "start"
const total = Number(asked.get("n") ?? 60)
const isLasting = asked.get("lasting") !== "no"
sessionStorage.setItem("language", asked.get("lang") ?? "en")
document.documentElement.style.colorScheme = asked.get("theme") ?? "light dark"

const VARIANTS: Readonly<Record<string, Partial<RoomNow>>> = {
  rules: { hasAccepted: false, role: "participant", party: "a", seat: "a1" },
  guest: { role: "participant", party: "a", seat: "a1", invitations: [], knocking: [], proposals: [] },
  stopped: { trouble: { code: "log-differs" }, isOver: true, mayWrite: false, connection: "over" },
  offline: {
    connection: "connecting",
    trouble: { code: "server-unreachable" },
    outbox: [
      "I will be back in the evening.",
      "And thank you for today.",
      "One more thing about the lists.",
    ].map((text, place) => ({
      place,
      type: "message",
      text,
      exposure: { audience: "room", quotable: "no", until: 0 },
      replyTo: undefined,
      attachments: [],
      uploaded: undefined,
      hasFailed: place === 0,
      reason: { code: place === 0 ? "until-over" : "server-unreachable" },
    })),
  },
}

let entries: Entry[] = [...entriesOf(total)]
let now: RoomNow = { ...roomNow("r1", total), ...VARIANTS[at] }

const line = (id: string, title: string, unread: number, time: number) => ({
  id,
  title,
  connection: "live" as const,
  unread,
  waiting: 0,
  knocking: 0,
  trouble: undefined,
  isOver: false,
  time,
})

const KNOCK_AT: Readonly<Record<string, Lobby["knocks"][number]>> = {
  knock: {
    id: "k",
    name: "Dr. Amal Haddad",
    stage: "waiting",
    words: [17, 1203, 2047],
    reason: { code: "waiting-for-facilitator", parties: ["Coastal Union"] },
    room: undefined,
  },
  "knock-asking": {
    id: "k",
    name: "Amal",
    stage: "asking",
    words: undefined,
    reason: { code: "waiting-for-device" },
    room: undefined,
  },
  "knock-failed": {
    id: "k",
    name: "Amal",
    stage: "failed",
    words: undefined,
    reason: { code: "mailbox-taken" },
    room: undefined,
  },
}

const knock = KNOCK_AT[at]
const lobby: Lobby = {
  isLasting,
  rooms: [
    line("r1", "Crossing hours, round two", 0, NOW_S),
    { ...line("r2", "قوائم المفقودين", 12, NOW_S - 5000), knocking: 1 },
    { ...line("r3", "Water, drafting group", 0, NOW_S - 90_000), waiting: 3, connection: "connecting" },
    { ...line("r4", "Last winter", 0, NOW_S - 9_000_000), isOver: true, connection: "over" },
  ],
  knocks: knock === undefined ? [] : [knock],
  hosts: [{ url: "https://talks.example.org" }],
  makings: [],
}

const tell = (news: News): void => hear(app, news)
const change = (part: Partial<RoomNow>): void => {
  now = { ...now, ...part }
  tell({ news: "room", room: now })
}

function say(draft: Draft): void {
  const number = entries.length
  const exposure = { audience: "room", quotable: draft.quotable, until: 0 } as const
  const entry: Entry = {
    kind: "message",
    number,
    seq: number + 1,
    time: Math.floor(Date.now() / 1000),
    seat: now.seat,
    id: `m${number}`,
    name: "Ingrid Holm",
    party: undefined,
    role: "facilitator",
    text: draft.text,
    gone: "",
    exposure,
    replyTo: draft.replyTo,
  }
  entries = [...entries, entry]
  tell({ news: "entries", room: now.id, entries: [entry], total: entries.length })
}

const PIECE = 2000
function tellAll(): void {
  for (let end = entries.length; end > 0; end -= PIECE)
    setTimeout(() =>
      tell({
        news: "entries",
        room: now.id,
        entries: entries.slice(Math.max(0, end - PIECE), end),
        total: entries.length,
      }),
    )
}

const CALLS: Partial<Engine> = {
  findAbilities: async () => ({ suites: [83, 1], isStorageKept: isLasting }),
  hasProfile: async () => !["start", "invited", "hosting"].includes(at),
  open: async () => lobby,
  kindOf: async () => (at === "hosting" ? "host" : "invitation"),
  openRoom: async (id) => {
    tellAll()
    return { ...now, id }
  },
  send: async (_, draft) => say(draft),
  acceptRules: async () => change({ hasAccepted: true }),
  seen: async (_, seq) => change({ seen: seq }),
  invite: async (_, wish) => {
    const made = { ...now.invitations[0], mailbox: "new", ...wish } as (typeof now.invitations)[number]
    change({ invitations: [made, ...now.invitations] })
    return made
  },
}

// whatever else is called is done, and changes nothing
const engine = new Proxy(CALLS, {
  get: (calls, name) => Reflect.get(calls, name) ?? (async () => undefined),
}) as Engine

const LINK = "https://talks.example.org/i#secret"
const ARRIVALS: Readonly<Record<string, Arrival>> = {
  invited: { by: "invitation", link: LINK },
  hosting: { by: "host", link: LINK },
}

const app = makeApp(engine)
await show(app, ARRIVALS[at] ?? { by: "itself" })
const isRoom = at === "room" || Object.hasOwn(VARIANTS, at)
if (isRoom) app.navigation.go({ at: "room", id: "r1" })
if (at === "making") app.navigation.go({ at: "making", url: "https://talks.example.org" })
if (at.startsWith("knock")) app.navigation.go({ at: "knock", id: "k" })
Object.assign(globalThis, { stage: { say, change, tell, app } })
