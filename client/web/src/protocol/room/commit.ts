/**
 * Commits and the operations beside them: nobody comes in, goes or changes unseen (PROTOCOL.md, section 11).
 *
 * `decideCommit` takes what a verified MLS commit changes and checks it against the approvals and against what the server
 * was told directly before. A commit that is refused here is skipped by every member alike (section 8).
 */

import { b64u } from "../../base/bytes.ts"
import { actForm, seenAlive, useApprovals } from "./admission.ts"
import type { Told } from "./clear.ts"
import { checkAdd, requireName, withoutMailboxes } from "./invitations.ts"
import { FoldRefusal, refuse } from "./refusals.ts"
import {
  type Act,
  type At,
  facilitatorsOf,
  isSame,
  type Keys,
  only,
  type RoomState,
  type Seat,
  withSeat,
} from "./state.ts"

/** A member that a commit adds: its leaf, keys, and the reference of its KeyPackage. */
export interface Joining {
  readonly seat: string
  readonly leaf: number
  readonly keys: Keys
  readonly package: string
}

/** What a verified commit changes, in the fold's words. */
export interface CommitChange {
  readonly joining: readonly Joining[]
  readonly leaving: readonly string[]
  /** Seats whose leaf was replaced, and whether credential and signature key stayed. */
  readonly renewed: readonly (readonly [string, boolean])[]
  /** Whether it holds anything else than Add, Remove and the committer's own path. */
  readonly other: boolean
}

/**
 * The state after a commit. `told` are the SeatAdd and SeatRemove of the same seat directly before it. Throws FoldRefusal:
 * then everybody skips it.
 */
export function decideCommit(
  state: RoomState,
  at: At,
  change: CommitChange,
  told: readonly Told[],
): RoomState {
  const sender = state.seats[at.sender] ?? refuse("sender-unknown")
  if (state.closed !== null) refuse("closed")
  const isForeign = change.renewed.some(([seat]) => seat !== at.sender)
  if (change.other || isForeign || change.leaving.includes(at.sender)) refuse("commit-unexpected")
  if (change.renewed.some(([, isSameKey]) => !isSameKey)) refuse("credential-changed")
  const changesRoster = change.joining.length > 0 || change.leaving.length > 0
  if (changesRoster && !mayChangeRoster(state, sender)) refuse("commit-not-allowed")
  const alone = change.leaving.reduce(
    (left, seat) => without(left, at, seat),
    seenAlive(state, at.sender, at.time),
  )
  const decided = change.joining.reduce((grown, joining) => withJoining(grown, at, joining), alone)
  checkOperations(told, decided, change)
  return decided
}

const mayChangeRoster = (state: RoomState, sender: Seat): boolean =>
  sender.role === "facilitator" && sender.accepted >= state.rules.version

/** What the server was told right before is exactly what the commit does. */
function checkOperations(told: readonly Told[], decided: RoomState, change: CommitChange): void {
  const added = told.flatMap((one) =>
    one.type === "SeatAdd" ? [`${b64u(one.seat)} ${b64u(one.seatKey)} ${one.mayFacilitate}`] : [],
  )
  const removed = told.flatMap((one) => (one.type === "SeatRemove" ? [b64u(one.seat)] : []))
  const joining = change.joining.map(
    ({ keys, seat }) => `${seat} ${keys.seat} ${decided.seats[seat]?.role === "facilitator"}`,
  )
  const isFit = areSameOnce(added, joining) && areSameOnce(removed, change.leaving)
  if (!isFit) refuse("operations-unfit")
}

/** Whether lists hold the same, the first of them nothing twice. */
const areSameOnce = (told: readonly string[], done: readonly string[]): boolean =>
  new Set(told).size === told.length && formOfSet(told) === formOfSet(done)

const formOfSet = (all: readonly string[]): string => [...new Set(all)].sort().join("\n")

/** Without a seat that left by itself or whose removal was approved. */
function without(state: RoomState, at: At, of: string): RoomState {
  const seat = state.seats[of] ?? refuse("seat-unknown")
  const isLeaving = state.leaving.includes(of)
  const act: Act = { act: "remove", rule_version: state.admission.version, expires: 0, seat: of }
  const agreed = isLeaving ? state : useApprovals(state, act, at.time).state
  if (facilitatorsOf(agreed).every(([id]) => id === of) && seat.role === "facilitator")
    refuse("last-facilitator")
  const how = isLeaving ? ("left" as const) : ("removed" as const)
  return {
    ...agreed,
    seats: only(agreed.seats, (_, id) => id !== of),
    intents: only(agreed.intents, (_, id) => id !== of),
    approvals: only(agreed.approvals, (one) => one.by !== of && one.act.seat !== of),
    leaving: agreed.leaving.filter((id) => id !== of),
    past: [...agreed.past, { seat: of, name: seat.name, how, seq: at.seq }],
  }
}

/** With a seat whose admission was approved, as it was approved. */
function withJoining(state: RoomState, at: At, joining: Joining): RoomState {
  const wasHere = state.past.some((one) => one.seat === joining.seat)
  if (Object.hasOwn(state.seats, joining.seat) || wasHere || sharesKeys(state, joining))
    refuse("commit-unexpected")
  const { act, by } = approvedAdd(state, at, joining)
  const wanted = checkAdd(state, act, at.time)
  requireName(state, joining.seat, wanted.name)
  const seat: Seat = {
    leaf: joining.leaf,
    role: wanted.role,
    party: wanted.party ?? null,
    name: wanted.name,
    keys: joining.keys,
    scope: wanted.scope ?? null,
    accepted: 0,
    since: at.seq,
    by,
    operates: wanted.role === "facilitator",
  }
  const left = withoutMailboxes(state, [wanted.mailbox])
  const approvals = only(left.approvals, (one) => one.act.seat !== joining.seat)
  return withSeat({ ...left, approvals }, joining.seat, seat)
}

function sharesKeys(state: RoomState, joining: Joining): boolean {
  const own = new Set(keysOf(joining.keys))
  return Object.values(state.seats).some((one) => keysOf(one.keys).some((key) => own.has(key)))
}

const keysOf = (keys: Keys): readonly string[] => [keys.seat, keys.leaf, keys.governance]

interface Approved {
  readonly act: Act
  readonly by: readonly string[]
}

/**
 * The act that admits a seat, and who approved it.
 *
 * Facilitators may have approved different acts for the same seat (another role, another name). Of those that have what
 * the rule asks for, the one counts that the committer approved herself; it is never a matter of the order in which a
 * member's program keeps them.
 */
export function approvedAdd(state: RoomState, at: At, joining: Joining): Approved {
  const approved = new Map<string, Approved>()
  for (const { act } of Object.values(state.approvals)) {
    const isOfThis = act.act === "add" && act.seat === joining.seat && act.package === joining.package
    if (!isOfThis || !isSame(act.keys, joining.keys)) continue
    const by = approversOf(state, act, at.time)
    if (by !== undefined) approved.set(actForm(act), { act: { ...act, expires: 0 }, by })
  }
  const all = [...approved.values()]
  const own = all.filter((one) => one.by.includes(at.sender))
  const [first, ...more] = own.length > 0 ? own : all
  if (first === undefined) return refuse("approvals-missing")
  return more.length > 0 ? refuse("approval-unfit") : first
}

function approversOf(state: RoomState, act: Act, time: number): readonly string[] | undefined {
  try {
    return useApprovals(state, act, time).by
  } catch (error) {
    if (error instanceof FoldRefusal) return undefined
    throw error
  }
}
