/**
 * What the room's state asks of this seat's client now: commits, voiding. Pure.
 *
 * Duties follow from the log, so they survive crashes without being written down, and whoever does one first spares the
 * others: their commit gets `stale-epoch` and has no purpose any more.
 */

import { parseB64u } from "../../protocol/ids.ts"
import { actsOf, approvalsOf, awaited, isLone } from "../../protocol/room/admission.ts"
import { hasEachPartyItsFacilitator } from "../../protocol/room/approvals.ts"
import { checkAdd, requireName } from "../../protocol/room/invitations.ts"
import { type Act, facilitatorsOf, type RoomState } from "../../protocol/room/state.ts"
import { EMPTY_ITEM, type Item, type Plan } from "../items.ts"
import { mls } from "../room/membership.ts"
import { isSkipping, mayVoid, type RoomView } from "../room/view.ts"

/** After how many messages of one epoch a seat renews its keys: before its 1,000th. */
const PATH_MESSAGES = 999
/** How often it does so while it writes. */
const PATH_S = 7 * 24 * 3600
/** After how long the next facilitator's client does what another's should have done. */
const STAND_IN_S = 60

/** The state of a room in which this seat may act as a facilitator now. */
function governable({ own, state, ...view }: RoomView): RoomState | undefined {
  const seat = state?.seats[own]
  if (state === null || seat?.role !== "facilitator" || state.closed !== null) return undefined
  const isBehind = isSkipping({ own, state, ...view }) || seat.accepted < state.rules.version
  return isBehind ? undefined : state
}

/** The commits that this seat can and should make; `packages` are the knocks it holds, by seat. */
export function plansDue(view: RoomView, packages: ReadonlyMap<string, Plan>, nowS: number): readonly Plan[] {
  const state = governable(view)
  if (state === undefined) return []
  const time = Math.max(view.time, nowS)
  const plans = (state.leaving ?? []).filter((seat) => seat !== view.own).map(removalOf)
  for (const act of actsOf(state)) {
    const { seat } = act
    if (seat === undefined || seat === view.own || plans.some((one) => one.seat === seat)) continue
    if (awaited(state, act, time) !== undefined) continue
    const admission = packages.get(seat)
    if (act.act === "remove" && Object.hasOwn(state.seats, seat)) plans.push(removalOf(seat))
    if (act.act === "add" && admission !== undefined && mayComeIn(state, act, time)) plans.push(admission)
  }
  return plans
}

const removalOf = (seat: string): Plan => ({ seat, package: null, mailbox: null, isPath: false })

/**
 * The changes of roles and of the admission rule that have their approvals, and are this seat's to do.
 *
 * One client does it: of the facilitators whom it is not about, the one who approved last. Each of the others waits a
 * little longer, for that one may be away.
 */
export function actsDue(view: RoomView, nowS: number): readonly Act[] {
  const state = governable(view)
  if (state === undefined) return []
  const time = Math.max(view.time, nowS)
  return actsOf(state).filter((act) => {
    const isOpen = (act.act === "role" || act.act === "rule") && isChange(state, act)
    return isOpen && awaited(state, act, time) === undefined && isOwnToDo(view.own, state, act, time)
  })
}

function isOwnToDo(own: string, state: RoomState, act: Act, time: number): boolean {
  const since = new Map(approvalsOf(state, act, time).map((one) => [one.by, one.since]))
  const doers = facilitatorsOf(state)
    .map(([id]) => id)
    .filter((id) => id !== act.seat)
    .sort((one, other) => (since.get(other) ?? 0) - (since.get(one) ?? 0) || (one < other ? -1 : 1))
  const turn = doers.indexOf(own)
  return turn >= 0 && time >= Math.max(...since.values()) + turn * STAND_IN_S
}

/** Whether the admission rule `party` can be set, and by this seat. */
export function isPartyRuleDue(view: RoomView): boolean {
  const state = governable(view)
  return state !== undefined && hasEachPartyItsFacilitator(state)
}

/** Whether the act is still one that the room would take. */
const isChange = (state: RoomState, act: Act): boolean =>
  act.act === "rule" ? act.admission !== state.admission.rule : Object.hasOwn(state.seats, act.seat ?? "")

/** Whether the invitation is still open, and the name still free. */
function mayComeIn(state: RoomState, act: Act, time: number): boolean {
  try {
    const { name, seat } = checkAdd(state, act, time)
    requireName(state, seat, name)
    return true
  } catch {
    return false
  }
}

/** Whether others approved that this seat goes because nobody hears of it: it says that it is there. */
export const isGivenUp = ({ own, state }: RoomView): boolean =>
  state !== null &&
  Object.hasOwn(state.seats, own) &&
  Object.values(state.approvals).some(({ act }) => act.seat === own && isLone(state, act))

/** Whether this seat is to make its leaf key known: the room is closed (section 9). */
export const isDisclosureDue = (view: RoomView): boolean =>
  view.state !== null &&
  view.state.closed !== null &&
  Object.hasOwn(view.state.seats, view.own) &&
  !isSkipping(view) &&
  !(view.state.disclosed ?? []).includes(view.own)

/** The operation that takes a skipped commit back, where it is this seat's to send. */
export const voidDue = (view: RoomView): Item | undefined =>
  mayVoid(view)
    ? {
        ...EMPTY_ITEM,
        operations: [{ type: "VoidCommit", act: null, commit: parseB64u(view.clear.opening) }],
      }
    : undefined

/**
 * Whether this seat is to renew its keys before it writes on (section 8); `sinceS`: how long ago it did so last;
 * `isWriting`: whether a message is waiting to be sent.
 */
export function isPathDue(view: RoomView, sinceS: number, isWriting: boolean): boolean {
  const { state } = view
  if (state === null || state.closed !== null || isSkipping(view)) return false
  if (Object.keys(state.seats).length === 1) return false
  return mls.sentMessages(view.mls) >= PATH_MESSAGES || (isWriting && sinceS >= PATH_S)
}

/** Whether a planned change of the roster has still something to do. */
export const isStillWanted = ({ state }: RoomView, plan: Plan): boolean =>
  state !== null && Object.hasOwn(state.seats, plan.seat) === (plan.package === null)
