/** Commits and operations: the members' change, checked and entered, or taken back (sections 8 and 11). */

import { b64u } from "../../base/bytes.ts"
import { closedGroup, type Group } from "../../mls/mls.ts"
import type { LogEvent } from "../../protocol/events.ts"
import { parseB64u } from "../../protocol/ids.ts"
import { parseOperation } from "../../protocol/operations.ts"
import {
  type Clear,
  type Followed,
  forgotten,
  hasBit,
  type Told,
  toldBefore,
} from "../../protocol/room/clear.ts"
import { type CommitChange, decideCommit } from "../../protocol/room/commit.ts"
import { decideOperation, withBits } from "../../protocol/room/operations.ts"
import { refuse } from "../../protocol/room/refusals.ts"
import type { At, RoomState } from "../../protocol/room/state.ts"
import type { Opening } from "../../protocol/room/void.ts"
import type { Transition } from "../items.ts"
import { checkAuthenticatedData, stop } from "./checks.ts"
import type { Fact } from "./entries.ts"
import { leafFits, operationEntry, type RecordEntry } from "./leaves.ts"
import { changeOf, mls } from "./membership.ts"
import type { Step } from "./speech.ts"
import { operationUnfit } from "./unfit.ts"
import { KEPT_EPOCHS, type RoomView } from "./view.ts"

/**
 * What the server was told directly before a commit. Throws FoldRefusal (`record-unfit`): nothing of it may be missing in
 * the record, and a commit has no entry of its own.
 */
export async function toldOf(view: RoomView, event: LogEvent, before: Clear): Promise<readonly Told[]> {
  const told = toldBefore(before, event.seq, b64u(event.seat))
  for (const one of told) {
    const entry = await operationEntry(view.mls, view.room, parseB64u(one.event), one.operation)
    if (!leafFits(entry, one.leaf)) refuse("record-unfit")
  }
  if (event.leaf !== null) refuse("record-unfit")
  return told.map((one) => one.operation)
}

/** The view after somebody else's commit. Throws MlsError and FoldRefusal (then it is skipped), and Stopped. */
export async function enter(view: RoomView, event: LogEvent, at: At, told: readonly Told[]): Promise<Step> {
  const state = stateOf(view)
  const received = await mls.receive(view.mls, event.body ?? new Uint8Array(), event.time)
  if (received.kind !== "commit") return refuse("commit-unexpected")
  const { authenticatedData, committer } = received.change
  const author = Object.entries(state.seats).find(([, seat]) => seat.leaf === committer)?.[0]
  if (author !== at.sender || !(await checkAuthenticatedData(view, event, authenticatedData)))
    refuse("commit-unexpected")
  const change = changeOf(received.change)
  // who is removed stays in the old epoch, and has nothing more to read
  return entered(view, event, at, decideCommit(state, at, change, told), received.group ?? view.mls, change)
}

/** The view after a commit of this client's, which was kept until its fate was known. */
export function enterOwn(
  view: RoomView,
  event: LogEvent,
  at: At,
  told: readonly Told[],
  transition: Transition,
): Step {
  const decided = decideCommit(stateOf(view), at, transition.change, told)
  return entered(view, event, at, decided, mls.open(closedGroup(transition)), transition.change)
}

/** The record's entry of an operation in clear, where it must have one and this client can tell. */
export async function entryOf(
  view: RoomView,
  event: LogEvent,
  before: Clear,
): Promise<RecordEntry | undefined> {
  const operation = readOperation(event)
  if (operation === undefined) return undefined
  if (before.opening !== view.opening && operation.type !== "VoidCommit") return undefined
  return operationEntry(view.mls, view.room, event.id, operation)
}

function readOperation(event: LogEvent) {
  try {
    return parseOperation(event.body ?? new Uint8Array())
  } catch {
    return undefined
  }
}

/** The view after an operation in clear. Throws FoldRefusal; `before`: the clear log before it. */
export function operate(
  view: RoomView,
  event: LogEvent,
  at: At,
  before: Clear,
  entry: RecordEntry | undefined,
): Step {
  const isObeyed = event.epoch === before.epoch && hasBit(before, at.sender)
  const decided = decideOperation(stateOf(view), at, event.body ?? new Uint8Array(), isObeyed)
  const isRecordFit = before.opening !== view.opening || leafFits(entry, event.leaf)
  const unfit = isRecordFit ? decided.unfit : "record-unfit"
  return [{ ...view, state: decided.state }, unfit === undefined ? [] : [operationUnfit(event, unfit)]]
}

/**
 * The view after a VoidCommit, which the clear log has judged. Throws FoldRefusal and Stopped.
 *
 * It does what it does whatever its leaf: the server cannot wait for what members say of that.
 */
export function takeBack(
  view: RoomView,
  event: LogEvent,
  { verdict, voided }: Followed,
  entry: RecordEntry | undefined,
): Step {
  const unfit = leafFits(entry, event.leaf) ? [] : [operationUnfit(event, "record-unfit")]
  const where = { seq: event.seq, time: event.time, seat: b64u(event.seat) }
  if (voided !== undefined)
    return [without(view, voided), [{ kind: "voided", ...where, commit: voided.commit }, ...unfit]]
  if (verdict !== "asked") return refuse("commit-not-allowed")
  return [view, [{ kind: "void-asked", ...where, commit: view.clear.opening }, ...unfit]]
}

/** Without a commit. Where this client took it, with the state that it kept; bits stay as told. Throws Stopped. */
function without(view: RoomView, opening: Opening): RoomView {
  if (opening.commit !== view.opening) return view
  if (opening.added.has(view.own)) return { ...view, presence: "removed" }
  const ended = view.previous.at(-1)
  if (ended === undefined || ended.commit !== opening.commit) return stop("void-late")
  return {
    ...view,
    mls: ended.mls,
    state: withBits(ended.state, view.clear.bits),
    opening: ended.opening,
    previous: view.previous.slice(0, -1),
    presence: "present",
  }
}

function entered(
  view: RoomView,
  event: LogEvent,
  at: At,
  state: RoomState,
  group: Group,
  change: CommitChange,
): Step {
  const gone = (state.past ?? []).filter((one) => one.seq === event.seq)
  const own = gone.find((one) => one.seat === view.own)
  const commit = b64u(event.id)
  const ended = { mls: view.mls, state: stateOf(view), opening: view.opening, commit }
  const now: RoomView = {
    ...view,
    mls: group,
    state,
    opening: commit,
    presence: own === undefined ? view.presence : own.how,
    previous: own === undefined ? [...view.previous, ended].slice(-KEPT_EPOCHS) : [],
    clear: forgotten(view.clear),
  }
  return [now, rosterFacts(event, at, state, gone, change)]
}

function rosterFacts(
  event: LogEvent,
  at: At,
  state: RoomState,
  gone: RoomState["past"] & object,
  change: CommitChange,
): readonly Fact[] {
  const where = { seq: event.seq, time: event.time, seat: at.sender }
  const left = gone.map(({ how, name, seat }) => ({ kind: "left" as const, ...where, left: seat, name, how }))
  const joined = change.joining.flatMap(({ seat: id }) => {
    const seat = state.seats[id]
    if (seat === undefined) return []
    const { by, name, party, role } = seat
    return [{ kind: "joined" as const, ...where, joined: id, name, role, party: party ?? undefined, by }]
  })
  return [...left, ...joined]
}

const stateOf = (view: RoomView): RoomState => view.state ?? refuse("no-genesis")
