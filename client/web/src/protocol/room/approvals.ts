/** Approvals given, taken back and used by an event (PROTOCOL.md, section 11). */

import { alive, MAX_APPROVAL_S, mayApprove, useApprovals } from "./admission.ts"
import { verifyApproval } from "./approving.ts"
import type { Body } from "./bodies.ts"
import { checkAdd, requireName } from "./invitations.ts"
import { refuse } from "./refusals.ts"
import {
  type Act,
  type At,
  facilitatorsOf,
  MAX_APPROVALS,
  only,
  type RoomState,
  requireParty,
  withSeat,
} from "./state.ts"

/** A seat has one opinion of an act on a seat: a newer approval takes the older one's place. */
export function approve(state: RoomState, at: At, { act, signature }: Body<"approve">): RoomState {
  const sender = state.seats[at.sender]
  if (sender === undefined || !mayApprove(state, at.sender, act)) return refuse("role-forbids")
  verifyApproval(state, sender, act, signature)
  if (act.rule_version !== state.admission.version || act.expires > at.time + MAX_APPROVAL_S)
    refuse("approval-unfit")
  if (act.expires <= at.time) refuse("expired")
  checkAct(state, act, at.time)
  const others = only(
    alive(state.approvals, at.time),
    (one) => one.act.act !== act.act || one.act.seat !== act.seat || one.by !== at.sender,
  )
  // a client chose the id: nobody's approval may take the place of another's
  if (Object.hasOwn(others, at.event)) refuse("approval-unfit")
  if (Object.values(others).filter((one) => one.by === at.sender).length >= MAX_APPROVALS) refuse("too-many")
  return { ...state, approvals: { ...others, [at.event]: { act, by: at.sender, since: at.time } } }
}

/** The sender takes an approval back. */
export function unapprove(state: RoomState, at: At, { approval }: Body<"unapprove">): RoomState {
  if (state.approvals[approval]?.by !== at.sender) refuse("approval-unknown")
  return { ...state, approvals: only(state.approvals, (_, id) => id !== approval) }
}

/** A change of role that was approved. Nobody becomes a bot, which would have no scope. */
export function setRole(state: RoomState, at: At, body: Body<"role">): RoomState {
  const seat = state.seats[body.seat] ?? refuse("seat-unknown")
  requireParty(state, body.party)
  if (body.role === "bot") refuse("scope-unfit")
  if (body.role !== "facilitator" && isLastFacilitator(state, body.seat)) refuse("last-facilitator")
  const act: Act = {
    act: "role",
    rule_version: state.admission.version,
    expires: 0,
    seat: body.seat,
    role: body.role,
    ...(body.party === null ? {} : { party: body.party }),
  }
  const approved = useApprovals(state, act, at.time)
  const changed = { ...seat, role: body.role, party: body.party, scope: null, by: approved.by }
  return withSeat(approved.state, body.seat, changed)
}

/** Tightening is any facilitator's to do; loosening needs what the strict rule needs. */
export function setAdmission(state: RoomState, at: At, { rule }: Body<"admission">): RoomState {
  const { version } = state.admission
  if (rule === state.admission.rule) refuse("version-stale") // it would only void the approvals that wait
  if (rule === "any")
    useApprovals(state, { act: "rule", rule_version: version, expires: 0, admission: "any" }, at.time)
  else if (!hasEachPartyItsFacilitator(state)) refuse("party-without-facilitator")
  return { ...state, admission: { rule, version: version + 1 }, approvals: {} }
}

export function hasEachPartyItsFacilitator(state: RoomState): boolean {
  const held = new Set(facilitatorsOf(state).map(([, seat]) => seat.party))
  return state.parties.length > 0 && state.parties.every((party) => held.has(party.id))
}

/** Whether the seat facilitates, and no other that has not left does. */
export function isLastFacilitator(state: RoomState, of: string): boolean {
  const facilitators = facilitatorsOf(state).map(([id]) => id)
  return facilitators.includes(of) && facilitators.every((id) => id === of || state.leaving.includes(id))
}

/** An act names what its kind needs, and nothing that is not in the room. */
function checkAct(state: RoomState, act: Act, time: number): void {
  if (act.act === "add") {
    const whole = checkAdd(state, act, time)
    requireName(state, whole.seat, whole.name)
    return
  }
  const isInRoom = act.seat !== undefined && Object.hasOwn(state.seats, act.seat)
  const isPartyKnown = act.party === undefined || state.parties.some((party) => party.id === act.party)
  const fits = {
    remove: isInRoom,
    role: isInRoom && isPartyKnown && act.role !== undefined && act.role !== "bot",
    rule: act.admission !== undefined,
  }
  if (!fits[act.act]) refuse("approval-unfit")
}
