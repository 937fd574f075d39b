/** Made-up people and what they said, for the stage. */

import type { Entry, InvitationLine, Knocking, MemberLine, RoomNow } from "../../src/model/contract.ts"

export const NOW_S = Math.floor(Date.now() / 1000)
const HOUR_S = 3600

const member = (
  seat: string,
  name: string,
  role: MemberLine["role"],
  party: string | undefined,
  seen: number,
): MemberLine => ({
  seat,
  name,
  role,
  party,
  scope: undefined,
  since: 3,
  by: seat === "f" ? [] : ["f"],
  hasAccepted: true,
  seen,
})

export const MEMBERS: readonly MemberLine[] = [
  member("f", "Ingrid Holm", "facilitator", undefined, 400),
  member("a1", "Dr. Amal Haddad", "participant", "a", 390),
  member("a2", "ياسمين الخطيب", "participant", "a", 20_000),
  member("b1", "Prof. Daniel Weiss", "participant", "b", 20_000),
  member("o", "Observer of the Institute", "observer", undefined, 0),
]

const SAYINGS = [
  "Good morning. Before we begin: what we said on Tuesday about the crossing still stands?",
  "It stands. Nothing was signed, and nobody asked for it.",
  "أقترح أن نبدأ بمسألة المعبر، ثم ننتقل إلى قوائم المفقودين. لدينا ساعة واحدة.",
  "Agreed.\n\nI would like to add one point, and I say it without a mandate: the hours of opening matter more to people in the villages than the flag above the gate.",
  "May I quote this, without the name?",
  "Let us hear Professor Weiss first, then come back to it.",
]
const SPEAKERS = ["f", "a1", "a2", "b1", "a1", "f"]
const QUOTABLE = ["no", "no", "anonymous", "no", "named", "no"] as const

const messageOf = (number: number, total: number): Entry => {
  const seat = SPEAKERS[number % SPEAKERS.length] ?? "f"
  const author = MEMBERS.find((one) => one.seat === seat)
  const isGone = number === total - 7
  return {
    kind: "message",
    number,
    seq: number + 1,
    time: NOW_S - (total - number) * 700,
    seat,
    id: `m${number}`,
    name: author?.name ?? "",
    party: author?.party,
    role: author?.role ?? "participant",
    text: isGone ? undefined : SAYINGS[number % SAYINGS.length],
    gone: isGone ? "retracted" : "",
    exposure: {
      audience: "room",
      quotable: QUOTABLE[number % QUOTABLE.length] ?? "no",
      until: number % 5 === 4 ? NOW_S + 26 * HOUR_S : 0,
    },
    replyTo: number === total - 2 ? `m${total - 5}` : undefined,
  }
}

export function entriesOf(total: number): readonly Entry[] {
  const place = (number: number) => ({
    number,
    seq: number + 1,
    time: NOW_S - (total - number) * 700,
    seat: "f",
  })
  const first: readonly Entry[] = [
    { kind: "entered", ...place(0), history: "none" },
    {
      kind: "joined",
      ...place(1),
      joined: "b1",
      name: "Prof. Daniel Weiss",
      role: "participant",
      party: "b",
      by: ["f"],
    },
    { kind: "governed", ...place(2), id: "g2", type: "accept", body: { version: 1 } },
  ]
  const rest = Array.from({ length: total - first.length }, (_, at) => {
    const number = at + first.length
    if (number === total - 10)
      return {
        kind: "governed",
        ...place(number),
        id: "g",
        type: "retention",
        body: { retention: { seconds: 604_800, after_reading: true } },
      } as const
    return messageOf(number, total)
  })
  return [...first, ...rest]
}

const INVITATIONS: readonly InvitationLine[] = [
  {
    mailbox: "x1",
    role: "participant",
    party: "b",
    expires: NOW_S + 6 * 24 * HOUR_S,
    by: "f",
    stage: "not-opened",
    name: undefined,
    link: `https://talks.example.org/i#${"AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_".repeat(3).slice(0, 87)}`,
  },
  {
    mailbox: "x2",
    role: "observer",
    party: undefined,
    expires: NOW_S + HOUR_S,
    by: "f",
    stage: "waiting",
    name: "K. Berg",
    link: undefined,
  },
  {
    mailbox: "x3",
    role: "participant",
    party: "a",
    expires: NOW_S - HOUR_S,
    by: "f",
    stage: "admitted",
    name: "Dr. Amal Haddad",
    link: undefined,
  },
  {
    mailbox: "x4",
    role: "participant",
    party: "a",
    expires: NOW_S - HOUR_S,
    by: "f",
    stage: "expired",
    name: undefined,
    link: undefined,
  },
]

const KNOCKING: readonly Knocking[] = [
  {
    mailbox: "x2",
    seat: "k",
    name: "K. Berg",
    role: "observer",
    party: undefined,
    words: [17, 1203, 2047],
    isApproved: false,
    missing: [],
  },
  {
    mailbox: "x5",
    seat: "l",
    name: "سامي",
    role: "participant",
    party: "a",
    words: [400, 3, 998],
    isApproved: true,
    missing: ["Coastal Union"],
  },
]

export const roomNow = (id: string, total: number): RoomNow => ({
  id,
  seat: "f",
  connection: "live",
  trouble: undefined,
  isOver: false,
  state: {
    title: "Crossing hours, round two",
    welcome: "Thank you for coming. We meet each Thursday at five.",
    rules: {
      version: 1,
      lines: ["We listen before we answer.", "What is said here stays here.", "Nobody makes pictures."],
    },
    parties: [
      { id: "a", name: "River Alliance" },
      { id: "b", name: "Coastal Union" },
    ],
    admission: { rule: "any", version: 1 },
    retention: { seconds: 604_800, after_reading: false },
    history: "none",
    closed: null,
    suite: 83,
  },
  role: "facilitator",
  party: undefined,
  isPartyRuleWished: false,
  hasAccepted: true,
  mayWrite: true,
  members: MEMBERS,
  invitations: INVITATIONS,
  knocking: KNOCKING,
  proposals: [
    {
      act: "remove",
      seat: "o",
      role: undefined,
      party: undefined,
      by: ["f"],
      isApproved: true,
      missing: ["River Alliance"],
    },
  ],
  outbox: [],
  seen: total - 3,
  draft: { text: "", quotable: "no", keepS: 0, replyTo: undefined },
})
