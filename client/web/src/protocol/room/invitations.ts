/** Invitations and who knocks at them (PROTOCOL.md, sections 9 to 11): one link lets one seat in. */

import { MAX_MAILBOXES } from "../limits.ts"
import type { Body } from "./bodies.ts"
import { isName, nameKey } from "./names.ts"
import { refuse } from "./refusals.ts"
import {
  type Act,
  type At,
  isSame,
  only,
  type Role,
  type RoomState,
  requireParty,
  type Scope,
} from "./state.ts"

/** A mailbox was opened for somebody. Expired ones go, and what hung on them. */
export function invite(state: RoomState, at: At, body: Body<"invite">): RoomState {
  requireParty(state, body.party)
  requireScope(body.role, body.scope)
  if (Object.hasOwn(state.invitations, body.mailbox)) refuse("invitation-exists")
  if (body.expires <= at.time) refuse("expired")
  const over = Object.keys(only(state.invitations, (one) => one.expires <= at.time))
  const left = withoutMailboxes(state, over)
  if (Object.keys(left.invitations).length >= MAX_MAILBOXES) refuse("too-many")
  const { mailbox, ...offered } = body
  return { ...left, invitations: { ...left.invitations, [mailbox]: { ...offered, by: at.sender } } }
}

/** A mailbox was closed. */
export function revoke(state: RoomState, _: At, body: Body<"revoke">): RoomState {
  if (!Object.hasOwn(state.invitations, body.mailbox)) refuse("invitation-unknown")
  return withoutMailboxes(state, [body.mailbox])
}

/** Who knocks, told by who invited: nobody else has read the letter. */
export function knock(state: RoomState, at: At, { act, words }: Body<"knock">): RoomState {
  const { mailbox } = act
  if (act.act !== "add" || mailbox === undefined || act.rule_version !== 0 || act.expires !== 0)
    return refuse("body-malformed")
  const invited = state.invitations[mailbox]
  if (invited !== undefined && invited.by !== at.sender) refuse("role-forbids")
  checkAdd(state, act, at.time)
  if (act.name === undefined || !isName(act.name)) refuse("name-unfit")
  return { ...state, knocks: { ...state.knocks, [mailbox]: { act, words, by: at.sender } } }
}

/** An `add` with all that it needs. */
type WholeAdd = Act & Required<Pick<Act, "seat" | "name" | "role" | "keys" | "package" | "mailbox">>

/**
 * An `add` is whole, of somebody who was never here, and what an open invitation offers. Throws `approval-unfit`,
 * `scope-unfit`, `invitation-unknown`, `expired`.
 */
export function checkAdd(state: RoomState, act: Act, time: number): WholeAdd {
  if (!isWhole(act)) return refuse("approval-unfit")
  if (Object.hasOwn(state.seats, act.seat) || state.past.some((one) => one.seat === act.seat))
    refuse("approval-unfit")
  requireScope(act.role, act.scope ?? null)
  const invited = state.invitations[act.mailbox] ?? refuse("invitation-unknown")
  if (invited.expires <= time) refuse("expired")
  const isOffered =
    act.role === invited.role && (act.party ?? null) === invited.party && isSame(act.scope, invited.scope)
  if (!isOffered) refuse("approval-unfit")
  return act
}

const isWhole = (act: Act): act is WholeAdd =>
  ![act.seat, act.name, act.role, act.keys, act.package, act.mailbox].includes(undefined)

/** Throws `name-unfit` unless it is a name, and no other seat's. */
export function requireName(state: RoomState, seat: string, name: string): void {
  const isTaken = Object.entries(state.seats).some(
    ([id, one]) => id !== seat && nameKey(one.name) === nameKey(name),
  )
  if (!isName(name) || isTaken) refuse("name-unfit")
}

/** Throws `scope-unfit`: every bot has a scope, and nobody else. */
function requireScope(role: Role, scope: Scope | null): void {
  if ((role === "bot") !== (scope !== null)) refuse("scope-unfit")
}

/** Without invitations that are over, who knocked at them, and who was approved to come in by them. */
export const withoutMailboxes = (state: RoomState, mailboxes: readonly string[]): RoomState => ({
  ...state,
  invitations: only(state.invitations, (_, id) => !mailboxes.includes(id)),
  knocks: only(state.knocks, (_, id) => !mailboxes.includes(id)),
  approvals: only(
    state.approvals,
    ({ act }) => act.mailbox === undefined || !mailboxes.includes(act.mailbox),
  ),
})
