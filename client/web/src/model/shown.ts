/** A room as the page shows it. Pure. */

import { parseUtf8 } from "../base/bytes.ts"
import type { Attachment } from "../protocol/room/attachments.ts"
import type { RoomState } from "../protocol/room/state.ts"
import { type Exposure, mayWrite } from "../protocol/room/timeline.ts"
import type { Connecting } from "./connecting.ts"
import type { Draft, MemberLine, OutboxLine, Reason, RoomLine, RoomNow } from "./contract.ts"
import type { Desk } from "./desk.ts"
import { nowOf } from "./desk.ts"
import { invitationsOf } from "./facilitation/invitations.ts"
import { knockingOf, proposalsOf } from "./facilitation/lines.ts"
import { type Item, isSilent } from "./items.ts"
import { type Ledger, parseFailure } from "./ledger.ts"
import { DRAFT, FAILED, PARTY_RULE } from "./notes.ts"
import { isFacilitator, isLeftBehind, isSkipping, type RoomView } from "./room/view.ts"
import { seenHere, unreadOf } from "./seeing.ts"
import { EMPTY_DRAFT } from "./speaking.ts"
import { uploadsIn } from "./uploads.ts"
import { LEFT_BEHIND, ON_ITS_WAY, SKIPPED, UNREACHABLE } from "./waiting.ts"

/** What is known of a room beside its ledger. */
export type Line = Pick<Connecting, "connection" | "doubt" | "error" | "fault" | "uploaded" | "whyWaiting">

// ---- for the list

export function roomLine(desk: Desk, live: Line): RoomLine {
  const { ledger } = desk
  const { id, state, time } = ledger.view
  return {
    id,
    title: state?.title ?? "",
    connection: live.connection,
    unread: hasAccepted(ledger.view) ? unreadOf(ledger) : 0,
    waiting: waitingCount(ledger),
    knocking: state === null || !isFacilitator(ledger.view) ? 0 : knockingIn(desk, state).length,
    trouble: troubleOf(ledger.view, live),
    isOver: isOver(ledger.view, live),
    time,
  }
}

const waitingCount = (ledger: Ledger): number =>
  ledger.waiting().filter((item) => !isSilent(item)).length +
  uploadsIn(ledger).filter(({ failure, isWhole }) => isWhole && failure === "").length

/** What keeps this device from following the room, or all from writing, now. */
function troubleOf(view: RoomView, { doubt, error, fault }: Line): Reason | undefined {
  if (view.presence === "left") return { code: "left" }
  if (error !== undefined) return { code: error.code }
  if (fault !== undefined) return { code: fault }
  if (doubt !== undefined || !isSkipping(view)) return doubt
  return isLeftBehind(view) ? LEFT_BEHIND : SKIPPED
}

/** Left, removed, closed, stopped: it can be read. */
const isOver = ({ presence, state }: RoomView, { error }: Line): boolean =>
  presence !== "present" || error !== undefined || (state !== null && state.closed !== null)

// ---- open on the page

export function roomNow(desk: Desk, live: Line): RoomNow {
  const { ledger } = desk
  const { view } = ledger
  const { own, state } = view
  const seat = state?.seats[own]
  return {
    id: view.id,
    seat: own,
    connection: live.connection,
    trouble: troubleOf(view, live),
    isOver: isOver(view, live),
    state: state === null ? undefined : settingsOf(state),
    role: seat?.role,
    party: seat?.party ?? undefined,
    isPartyRuleWished: ledger.notes.has(PARTY_RULE),
    hasAccepted: hasAccepted(view),
    mayWrite: seat !== undefined && hasAccepted(view) && mayWrite(seat) && !isOver(view, live),
    members: state === null ? [] : membersOf(view, state),
    ...governedIn(desk),
    outbox: [...waitingIn(ledger, live), ...uploadingIn(ledger, live), ...failedIn(ledger)],
    seen: seenHere(ledger),
    draft: draftOf(ledger),
  }
}

const settingsOf = ({
  admission,
  closed,
  history,
  parties,
  retention,
  rules,
  suite,
  title,
  welcome,
}: RoomState): RoomNow["state"] => ({
  title,
  welcome,
  rules,
  parties,
  admission,
  retention,
  history,
  closed,
  suite,
})

/** Before the rules' latest version is accepted, nothing else is shown. */
function hasAccepted({ own, state }: RoomView): boolean {
  const seat = state?.seats[own]
  return state !== null && seat !== undefined && seat.accepted >= state.rules.version
}

/** In the order in which they came in. */
const membersOf = ({ seen }: RoomView, { rules, seats }: RoomState): readonly MemberLine[] =>
  Object.entries(seats)
    .sort(([, one], [, other]) => one.since - other.since)
    .map(([id, seat]) => ({
      seat: id,
      name: seat.name,
      role: seat.role,
      party: seat.party ?? undefined,
      scope: seat.scope ?? undefined,
      since: seat.since,
      by: seat.by.filter((one) => one !== id),
      hasAccepted: seat.accepted >= rules.version,
      seen: seen.get(id) ?? 0,
    }))

function governedIn(desk: Desk): Pick<RoomNow, "invitations" | "knocking" | "proposals"> {
  const { about, entries, notes, view } = desk.ledger
  const { state } = view
  if (state === null) return { invitations: [], knocking: [], proposals: [] }
  const proposals = proposalsOf(state, view.own, nowOf(desk))
  if (!isFacilitator(view)) return { invitations: [], knocking: [], proposals }
  const known = { entries, state, notes, url: about.url }
  return { invitations: invitationsOf(known, nowOf(desk)), knocking: knockingIn(desk, state), proposals }
}

const knockingIn = (desk: Desk, state: RoomState) =>
  knockingOf(state, desk.ledger.notes, desk.ledger.view.own, nowOf(desk))

// ---- the outbox and the composer

const waitingIn = (ledger: Ledger, live: Line): readonly OutboxLine[] =>
  ledger
    .waiting()
    .filter((item) => !isSilent(item))
    .map((item) => outboxLine(item, false, live.whyWaiting(item)))

const uploadingIn = (ledger: Ledger, live: Line): readonly OutboxLine[] =>
  uploadsIn(ledger)
    .filter(({ isWhole }) => isWhole)
    .map(({ attachments, draft, failure, place }) => ({
      place,
      type: "message",
      text: draft.text,
      exposure: { audience: "room", quotable: draft.quotable, until: 0 },
      replyTo: draft.replyTo,
      attachments,
      uploaded: live.uploaded(place),
      hasFailed: failure !== "",
      reason: failure !== "" ? { code: failure } : live.connection === "live" ? ON_ITS_WAY : UNREACHABLE,
    }))

const failedIn = ({ notes }: Ledger): readonly OutboxLine[] =>
  [...notes]
    .flatMap(([name, note]) => (name.startsWith(FAILED) ? [parseFailure(note)] : []))
    .sort((one, other) => one.item.place - other.item.place)
    .map(({ code, item }) => outboxLine(item, true, { code }))

function outboxLine({ body, place, type }: Item, hasFailed: boolean, reason: Reason): OutboxLine {
  const isMessage = type === "message" && typeof body.text === "string"
  return {
    place,
    type,
    text: isMessage ? String(body.text) : undefined,
    exposure: isMessage ? (body.exposure as unknown as Exposure) : undefined,
    replyTo: typeof body.reply_to === "string" ? body.reply_to : undefined,
    attachments: isMessage ? ((body.attachments as unknown as readonly Attachment[]) ?? []) : [],
    uploaded: undefined,
    hasFailed,
    reason,
  }
}

function draftOf({ notes }: Ledger): Draft {
  const note = notes.get(DRAFT)
  return note === undefined ? EMPTY_DRAFT : (JSON.parse(parseUtf8(note)) as Draft)
}
