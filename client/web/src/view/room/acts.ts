/** What happened, in a sentence: entries that are not messages, as quiet lines. */

import type { Entry, RoomNow } from "../../model/contract.ts"
import type { Role } from "../../protocol/room/state.ts"
import { sentenceOf } from "../app/reason.ts"
import type { Catalogue } from "../words/en.ts"
import { keptOf } from "./exposing.ts"
import type { History, Message } from "./history.ts"
import { described, nameOf } from "./people.tsx"

type Act = Exclude<Entry, Message>
type Governed = Extract<Entry, { readonly kind: "governed" }>

/** Those that somebody should notice. */
export const isWarning = (entry: Entry): boolean => entry.kind === "unfit" || entry.kind === "stopped"

export function sentenceOfAct(entry: Act, now: RoomNow, history: History, words: Catalogue): string {
  const { acts } = words
  const called = (seat: string): string => nameOf(now, history, seat)
  const why = (code: string): string => sentenceOf({ code }, words)
  switch (entry.kind) {
    case "entered":
      return `${acts.entered} ${entry.history === "none" ? acts.enteredNone : acts.enteredBriefing}`
    case "joined": {
      const as = described(now, entry.role, entry.party)
      return entry.by.length === 0
        ? acts.joined(entry.name, as)
        : acts.joinedBy(entry.name, as, entry.by.map(called))
    }
    case "left":
      return entry.how === "left" ? acts.left(entry.name) : acts.removed(entry.name)
    case "governed":
      return governed(entry, now, history, words)
    case "voided":
      return acts.voided
    case "void-asked":
      return acts.voidAsked(called(entry.seat))
    case "left-behind":
      return acts.leftBehind
    case "ended":
      return entry.missing.length === 0 ? acts.ended : `${acts.ended} ${acts.endedMissing(entry.missing)}`
    case "ignored":
      return acts.ignored(called(entry.seat), why(entry.code))
    case "unfit":
      return acts.unfit(called(entry.seat), operationOf(entry.operation, words))
    case "skipped":
      return acts.skipped(why(entry.code))
    case "stopped":
      return why(entry.code)
    case "failed":
      return acts.failed(why(entry.code))
  }
}

function operationOf(operation: string, { acts }: Catalogue): string {
  const operations: Readonly<Record<string, string>> = acts.operations
  return operations[operation] ?? acts.operations.unknown
}

// ---- acts of governance: bodies that the fold has checked, so that their members are what they must be
type Body = Governed["body"]
type Say = (who: string, body: Body, now: RoomNow, history: History, words: Catalogue) => string

const textIn = (body: Body, member: string): string => String(body[member] ?? "")
const objectIn = (body: Body, member: string): Body => (body[member] ?? {}) as Body
const as = (body: Body, now: RoomNow): string =>
  described(now, body.role as Role, body.party as string | null)

const approved: Say = (who, body, now, history, { acts }) => {
  const act = objectIn(body, "act")
  const seat = textIn(act, "seat")
  const whom = act.name === undefined ? nameOf(now, history, seat) : textIn(act, "name")
  if (act.act === "add") return acts.approveAdd(who, whom)
  if (act.act === "remove") return acts.approveRemove(who, whom)
  if (act.act === "role") return acts.approveRole(who, whom, as(act, now))
  return acts.approveRule(who)
}

const ACTS: Readonly<Record<string, Say>> = {
  genesis: (who, _, __, ___, { acts }) => acts.genesis(who),
  accept: (who, _, __, ___, { acts }) => acts.accept(who),
  rules: (who, _, __, ___, { acts }) => acts.rules(who),
  title: (who, body, _, __, { acts }) => acts.title(who, textIn(body, "title")),
  welcome: (who, _, __, ___, { acts }) => acts.welcome(who),
  retention: (who, body, _, __, words) =>
    words.acts.retention(who, keptOf(objectIn(body, "retention") as unknown as Retention, words)),
  history: (who, _, __, ___, { acts }) => acts.history(who),
  invite: (who, body, now, _, { acts }) => acts.invite(who, as(body, now)),
  revoke: (who, _, __, ___, { acts }) => acts.revoke(who),
  approve: approved,
  unapprove: (who, _, __, ___, { acts }) => acts.unapprove(who),
  role: (who, body, now, history, { acts }) =>
    acts.role(who, nameOf(now, history, textIn(body, "seat")), as(body, now)),
  admission: (who, body, _, __, { acts }) =>
    body.rule === "party" ? acts.admissionParty(who) : acts.admissionAny(who),
  leave: (who, _, __, ___, { acts }) => acts.leave(who),
  close: (who, _, __, ___, { acts }) => acts.close(who),
}

type Retention = NonNullable<RoomNow["state"]>["retention"]

function governed(entry: Governed, now: RoomNow, history: History, words: Catalogue): string {
  const who = nameOf(now, history, entry.seat)
  const say = ACTS[entry.type]
  return say === undefined
    ? words.acts.ignored(who, words.reasons["type-unknown"])
    : say(who, entry.body, now, history, words)
}
