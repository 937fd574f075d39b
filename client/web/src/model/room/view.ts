/**
 * A room after its n-th event, as this client verified it. Never changed: each event gives another view.
 *
 * A `RoomView` holds all that the next event is judged by. `window` remembers what was verified at earlier seqs, since
 * other members' events say what they had verified a while ago (PROTOCOL.md, section 7). Identifiers are base64url, but
 * for the room's and the seat's, which stand in both forms.
 */

import { type Bytes, b64u } from "../../base/bytes.ts"
import type { Group } from "../../mls/mls.ts"
import { firstLink } from "../../protocol/chain.ts"
import type { View } from "../../protocol/envelope.ts"
import { HASH_SIZE } from "../../protocol/ids.ts"
import { EMPTY, type Frontier, rootOf } from "../../protocol/record/merkle.ts"
import { askersOfTop, type Clear, firstClear, topOf } from "../../protocol/room/clear.ts"
import { facilitatorsOf, hashOf, type RoomState } from "../../protocol/room/state.ts"
import type { Opening } from "../../protocol/room/void.ts"

/** For how many of the last events the view is remembered. */
export const WINDOW_EVENTS = 4096
/** How many ended epochs are kept for a commit that is taken back, one under the other. */
export const KEPT_EPOCHS = 8
/** The state hash before a room's first event. */
const NO_STATE = new Uint8Array(HASH_SIZE)

/** Whether this seat is in the room. `ended`: the room was closed, and its keys are erased here. */
export type Presence = "present" | "left" | "removed" | "ended"

/** What was verified at a seq. */
export interface Seen {
  readonly seq: number
  readonly chain: Bytes
  readonly stateHash: Bytes
  readonly recordSize: number
  readonly recordRoot: Bytes
}

/** The room as it was before a commit, kept while the commit may still be voided (section 8). */
export interface EndedEpoch {
  readonly mls: Group
  readonly state: RoomState
  readonly opening: string
  readonly commit: string
}

export interface RoomView {
  readonly room: Bytes
  readonly seat: Bytes
  /** The room, as the fold names it. */
  readonly id: string
  /** The own seat, as the fold names it. */
  readonly own: string
  readonly seq: number
  readonly time: number
  readonly chain: Bytes
  /** The commit that opened the members' epoch; the room for epoch 0. */
  readonly opening: string
  readonly mls: Group
  readonly state: RoomState | null
  /** What the clear log tells: the server's epoch and seats. */
  readonly clear: Clear
  /** The seq at which this seat's log begins. */
  readonly begin: number
  /** The ended epochs that may come back, the newest last. */
  readonly previous: readonly EndedEpoch[]
  /** The highest chat intent that counted, by seat. */
  readonly chatIntents: ReadonlyMap<string, number>
  /** Up to which seq each seat said that it has seen everything. */
  readonly seen: ReadonlyMap<string, number>
  readonly record: Frontier
  readonly presence: Presence
  readonly window: readonly Seen[]
}

/** A room without events, of its creator. */
export function firstView(room: Bytes, seat: Bytes, mls: Group): RoomView {
  const id = b64u(room)
  const own = b64u(seat)
  return noted({
    room,
    seat,
    id,
    own,
    seq: 0,
    time: 0,
    chain: firstLink(room),
    opening: id,
    mls,
    state: null,
    clear: firstClear(id, own),
    begin: 0,
    previous: [],
    chatIntents: new Map(),
    seen: new Map(),
    record: EMPTY,
    presence: "present",
    window: [],
  })
}

/** With this seq in the window; what did not change since `before` is not hashed again. */
export function noted(view: RoomView, before?: RoomView): RoomView {
  const last = view.window.at(-1)
  const seen: Seen = {
    seq: view.seq,
    chain: view.chain,
    stateHash: stateHashOf(view, before, last),
    recordSize: view.record.size,
    recordRoot: last?.recordSize === view.record.size ? last.recordRoot : rootOf(view.record),
  }
  return { ...view, window: [...view.window.slice(1 - WINDOW_EVENTS), seen] }
}

function stateHashOf(view: RoomView, before: RoomView | undefined, last: Seen | undefined): Bytes {
  if (view.state === null) return NO_STATE
  return before?.state === view.state && last !== undefined ? last.stateHash : hashOf(view.state)
}

/** What this client says of the room as it sees it now. */
export function hereOf(view: RoomView): View {
  const last = view.window.at(-1)
  if (last === undefined) throw new RangeError("a view whose window is empty")
  return last
}

/** What was verified at a seq; undefined where that is too long ago or was before this seat came. */
export function seenAt({ window }: RoomView, seq: number): Seen | undefined {
  const [first] = window
  return first === undefined || seq < first.seq ? undefined : window[seq - first.seq]
}

/** The commits that this client did not take, and which were not taken back yet. */
export function skippedOf({ clear, opening }: RoomView): readonly Opening[] {
  if (clear.opening === opening) return []
  return clear.openings.slice(clear.openings.findIndex((one) => one.commit === opening) + 1)
}

export const isSkipping = ({ clear, opening }: RoomView): boolean => clear.opening !== opening

/** Whether others use a change that this client did not take (section 8). */
export const isLeftBehind = (view: RoomView): boolean => skippedOf(view).some((one) => one.used)

export const isFacilitator = ({ own, state }: RoomView): boolean => state?.seats[own]?.role === "facilitator"

/** Whether a seat is the only one that facilitates. */
export const isOnlyFacilitator = ({ state }: RoomView, seat: string): boolean =>
  state !== null &&
  facilitatorsOf(state)
    .map(([id]) => id)
    .join() === seat

/** Whether this seat is one that asks for a skipped commit to be taken back (section 8). */
export function mayVoid(view: RoomView): boolean {
  const top = topOf(view.clear)
  if (!isSkipping(view) || top === undefined || top.asked.has(view.own)) return false
  return askersOfTop(view.clear, top).has(view.own)
}
