/** Who must approve what: the admission rule (PROTOCOL.md, section 11). */

import { refuse } from "./refusals.ts"
import { type Act, type Approval, facilitatorsOf, formOf, only, type Role, type RoomState } from "./state.ts"

/** How long an approval may live. */
export const MAX_APPROVAL_S = 14 * 24 * 3600
/** How old approvals must be where nobody of the party can speak for it. */
const LONE_WAIT_S = 3 * 24 * 3600
/** The roles in which a seat makes its party one that is asked. */
const SIDES: readonly Role[] = ["facilitator", "participant", "interpreter"]
/** The roles of a party's members that speak where its facilitator cannot. */
const VOTERS: readonly Role[] = ["participant", "interpreter"]

// ---- what is awaited

/** Which approvals an act still lacks; it may be done where nothing is awaited. */
export interface Awaited {
  /** Any one facilitator's. */
  readonly anybody: boolean
  /** Those of one facilitator of each of these parties. */
  readonly parties: readonly string[]
  /** Those of these seats. */
  readonly facilitators: readonly string[]
  /** Those of `members` more of this party's members. */
  readonly party: string | null
  readonly members: number
  /** Nothing but time: the approvals count from then on (0: now). */
  readonly until: number
}

/** The parties that somebody has to approve for, in the room's order. */
export function partiesAwaited(state: RoomState, found: Awaited | undefined): readonly string[] {
  if (found === undefined) return []
  const wanted = new Set<string | null | undefined>([
    ...found.parties,
    ...found.facilitators.map((seat) => state.seats[seat]?.party),
  ])
  if (found.members > 0) wanted.add(found.party)
  return state.parties.map((party) => party.id).filter((party) => wanted.has(party))
}

const NOTHING: Awaited = { anybody: false, parties: [], facilitators: [], party: null, members: 0, until: 0 }

/** What is approved by somebody, each once, the oldest first; expiries are left out. */
export function actsOf(state: RoomState): readonly Act[] {
  const given = Object.values(state.approvals).sort(
    (one, other) => one.since - other.since || (one.by < other.by ? -1 : 1),
  )
  return [...new Map(given.map(({ act }) => [actForm(act), { ...act, expires: 0 }])).values()]
}

/** Which approvals an act still lacks; undefined where it may be done. `act` is compared without its expiry. */
export function awaited(state: RoomState, act: Act, time: number): Awaited | undefined {
  const found = everythingAwaited(state, act, time)
  const { anybody, facilitators, members, parties, until } = found
  return anybody || facilitators.length > 0 || members > 0 || parties.length > 0 || until > 0
    ? found
    : undefined
}

function everythingAwaited(state: RoomState, act: Act, time: number): Awaited {
  const by = new Map(fitting(state, act, time).map(([, one]) => [one.by, one]))
  const approving = new Set(
    facilitatorsOf(state)
      .filter(([id]) => by.has(id))
      .map(([, seat]) => seat.party),
  )
  if (state.admission.rule === "any") return { ...NOTHING, anybody: approving.size === 0 }
  const lost = partyAtStake(state, act)
  if (lost !== null) return awaitedFor(state, act, lost, by, time)
  const asked = partiesAsked(state)
  const missing = state.parties.map((one) => one.id).filter((id) => asked.has(id) && !approving.has(id))
  return { ...NOTHING, anybody: approving.size === 0 && missing.length === 0, parties: missing }
}

/** The approvals of an act that count now. */
export const approvalsOf = (state: RoomState, act: Act, time: number): readonly Approval[] =>
  fitting(state, act, time).map(([, one]) => one)

/**
 * The state without the approvals of an act, and by whom they were. Throws `approvals-missing` unless the rule is
 * satisfied by approvals that have not expired, of this version of the rule, by seats that may.
 */
export function useApprovals(
  state: RoomState,
  act: Act,
  time: number,
): { readonly state: RoomState; readonly by: readonly string[] } {
  if (awaited(state, act, time) !== undefined) refuse("approvals-missing")
  const used = new Map(fitting(state, act, time))
  const by = [...new Set([...used.values()].map((one) => one.by))].sort()
  return { state: { ...state, approvals: only(state.approvals, (_, id) => !used.has(id)) }, by }
}

/** Facilitators; and members of a party that cannot speak through a facilitator of its own. */
export function mayApprove(state: RoomState, sender: string, act: Act): boolean {
  const seat = state.seats[sender]
  if (seat === undefined) return false
  if (seat.role === "facilitator") return true
  return VOTERS.includes(seat.role) && seat.party !== null && seat.party === partyAtStake(state, act)
}

/** The parties that have a seat which speaks for a side. */
const partiesAsked = (state: RoomState): ReadonlySet<string | null> =>
  new Set(
    Object.values(state.seats)
      .filter((seat) => SIDES.includes(seat.role))
      .map((seat) => seat.party),
  )

/**
 * The party that an act would give a facilitator, or whose only one it would remove; null for none. Under the rule
 * `party` it could otherwise never be done: the party has nobody to approve it, or only the one whom it is about.
 */
function partyAtStake(state: RoomState, act: Act): string | null {
  if (state.admission.rule === "any") return null
  const alone = partyHeldAlone(state, act.seat)
  if (act.act === "remove") return alone
  const party = act.party ?? null
  const isHeld = facilitatorsOf(state).some(([, seat]) => seat.party === party)
  const names = (act.act === "add" || act.act === "role") && act.role === "facilitator" && !isHeld
  // a party does not get its facilitator by taking away another party's
  return names && alone === null ? party : null
}

/** Whether an act removes the only facilitator of a party in whose name nobody else can speak. */
export function isLone(state: RoomState, act: Act): boolean {
  const party = partyAtStake(state, act)
  return act.act === "remove" && party !== null && votersOf(state, party).length === 0
}

/** Those that have not expired. */
export const alive = (
  approvals: Readonly<Record<string, Approval>>,
  time: number,
): Readonly<Record<string, Approval>> => only(approvals, (one) => time < one.act.expires)

/**
 * After a seat governed: nobody removes it for being lost. Approvals of its removal are dropped where nobody else can
 * speak for its party. Elsewhere a majority may want it gone all the same; there only their age begins anew, for when it
 * becomes so.
 */
export function seenAlive(state: RoomState, seat: string, time: number): RoomState {
  const removesIt = (one: Approval): boolean => one.act.act === "remove" && one.act.seat === seat
  if (!Object.values(state.approvals).some(removesIt)) return state
  const left = Object.entries(state.approvals).flatMap(([id, one]) => {
    if (!removesIt(one)) return [[id, one] as const]
    return isLone(state, one.act) ? [] : [[id, { ...one, since: Math.max(one.since, time) }] as const]
  })
  return { ...state, approvals: Object.fromEntries(left) }
}

// ---- within

/** An act without its expiry, to compare it by. */
export const actForm = (act: Act): string => formOf({ ...act, expires: 0 })

function fitting(state: RoomState, act: Act, time: number): readonly (readonly [string, Approval])[] {
  const wanted = actForm(act)
  return Object.entries(alive(state.approvals, time))
    .filter(([, one]) => actForm(one.act) === wanted && mayApprove(state, one.by, act))
    .sort(([one], [other]) => (one < other ? -1 : 1))
}

/** The party whose only facilitator a seat is. */
function partyHeldAlone(state: RoomState, of: string | undefined): string | null {
  const seat = facilitatorsOf(state).find(([id]) => id === of)?.[1]
  if (seat === undefined) return null
  const isShared = facilitatorsOf(state).some(([id, one]) => id !== of && one.party === seat.party)
  return isShared ? null : seat.party
}

/** All other facilitators, and more than half of the party's other members; without any, time. */
function awaitedFor(
  state: RoomState,
  act: Act,
  party: string,
  by: ReadonlyMap<string, Approval>,
  time: number,
): Awaited {
  const others = facilitatorsOf(state)
    .map(([id]) => id)
    .filter((id) => id !== act.seat)
    .sort()
  const missing = others.filter((id) => !by.has(id))
  if (others.length === 0) return { ...NOTHING, anybody: true }
  const voters = votersOf(state, party)
  if (voters.length > 0) {
    const needed = Math.floor(voters.length / 2) + 1
    const members = Math.max(0, needed - voters.filter((id) => by.has(id)).length)
    return { ...NOTHING, facilitators: missing, party, members }
  }
  if (missing.length > 0) return { ...NOTHING, facilitators: missing, party }
  const countsFrom = Math.max(...others.map((id) => by.get(id)?.since ?? 0)) + LONE_WAIT_S
  return { ...NOTHING, party, until: time < countsFrom ? countsFrom : 0 }
}

const votersOf = (state: RoomState, party: string): readonly string[] =>
  Object.entries(state.seats)
    .filter(([, seat]) => seat.party === party && VOTERS.includes(seat.role))
    .map(([id]) => id)
