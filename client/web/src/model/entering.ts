/** Coming in: what admits a seat is checked against the link, the tree and the knock (PROTOCOL.md, section 10). */

import { type Bytes, b64u, equal } from "../base/bytes.ts"
import { isDeviceFailure } from "../mls/errors.ts"
import { parseB64u } from "../protocol/ids.ts"
import { fingerprint } from "../protocol/keys.ts"
import { parseFrontier } from "../protocol/record/merkle.ts"
import { type Clear, NOTHING_TOLD } from "../protocol/room/clear.ts"
import { facilitatorsOf, formOf, parseState, type RoomState } from "../protocol/room/state.ts"
import { Stopped } from "./errors.ts"
import type { Knocker, Seat } from "./joining.ts"
import type { Answer } from "./letters.ts"
import type { NewEntry } from "./room/entries.ts"
import { publicKeysOf } from "./room/keys.ts"
import { mls, treeMatches, withKeys } from "./room/membership.ts"
import type { SeatKeys } from "./room/seat_keys.ts"
import { noted, type RoomView } from "./room/view.ts"

/** The room as a joiner enters it, everything in it checked. */
export interface Admitted {
  readonly keys: SeatKeys
  readonly view: RoomView
  readonly recordKey: Bytes
}

/**
 * The first view of a joiner. Throws `admission-unfit` unless everything fits, and failures of this device as they are.
 *
 * The state is the facilitator's word until members write: what they say of the state (section 7) is compared with it,
 * and differs where it was a lie.
 */
export async function enterRoom(knocker: Knocker, answer: Answer): Promise<Admitted> {
  const seat = knocker.seats.find(({ keys }) => keys.suite === answer.state?.suite)
  try {
    if (seat !== undefined) return await entered(knocker, answer, seat)
  } catch (error) {
    if (isDeviceFailure(error)) throw error
    // whatever it was that could not be read, joined or parsed: it is not the room
  }
  throw new Stopped("admission-unfit")
}

async function entered(knocker: Knocker, answer: Answer, { bundle, keys }: Seat): Promise<Admitted> {
  const group = await mls.join(bundle, parseB64u(answer.welcome ?? ""), parseB64u(answer.tree ?? ""))
  const state = parseState(withKeys(answer.state ?? {}, group))
  const recordKey = parseB64u(state.record_key, 32)
  const [size, frontier] = answer.record ?? [0, ""]
  const commit = b64u(parseB64u(answer.commit ?? "", 16))
  const view: RoomView = {
    room: parseB64u(state.room, 16),
    seat: keys.seat,
    id: state.room,
    own: b64u(keys.seat),
    seq: answer.seq ?? 0,
    time: answer.time ?? 0,
    chain: parseB64u(answer.chain ?? "", 32),
    opening: commit,
    mls: group,
    state,
    clear: clearOf(state, answer, commit, mls.open(group).epoch),
    begin: answer.seq ?? 0,
    previous: [],
    chatIntents: new Map(),
    seen: new Map(),
    record: parseFrontier(size, parseB64u(frontier)),
    presence: "present",
    window: [],
  }
  if (!isRoom(knocker, state, view, keys) || !isServer(knocker, recordKey))
    throw new Stopped("admission-unfit")
  return { keys, view: noted(view), recordKey }
}

/** What a joiner knows of the clear log: the seats, and the commit that added it. */
function clearOf(state: RoomState, answer: Answer, commit: string, epoch: number): Clear {
  const seats = Object.entries(state.seats)
  const past = state.past ?? []
  const opening = {
    commit,
    author: b64u(parseB64u(answer.by ?? "", 16)),
    epoch: epoch - 1,
    before: "",
    added: new Set(seats.filter(([, seat]) => seat.since === answer.seq).map(([id]) => id)),
    removed: new Set(past.filter((one) => one.seq === answer.seq).map((one) => one.seat)),
    used: false,
    asked: new Set<string>(),
  }
  return {
    epoch,
    opening: commit,
    bits: new Map([
      ...past.map((one) => [one.seat, false] as const),
      ...seats.map(([id, seat]) => [id, seat.operates] as const),
    ]),
    gone: new Set(past.map((one) => one.seat)),
    openings: [opening],
    told: NOTHING_TOLD,
  }
}

/** The group is the room, the seat is the one that knocked, and the inviter facilitates it. */
function isRoom({ invitation, name }: Knocker, state: RoomState, view: RoomView, keys: SeatKeys): boolean {
  const own = state.seats[view.own]
  return (
    equal(mls.open(view.mls).id, view.room) &&
    own !== undefined &&
    formOf(own.keys) === formOf(publicKeysOf(keys)) &&
    own.name === name &&
    own.since === view.seq &&
    treeMatches(view.mls, state) &&
    facilitatorsOf(state).some(([, seat]) =>
      equal(fingerprint(parseB64u(seat.keys.governance)), invitation.inviterFingerprint),
    )
  )
}

const isServer = ({ invitation }: Knocker, recordKey: Bytes): boolean =>
  equal(fingerprint(recordKey), invitation.recordKeyFingerprint)

/** What a joiner is told first: why nothing stands before it. */
export const historyEntry = ({ own, seq, state, time }: RoomView): NewEntry => ({
  kind: "entered",
  seq,
  time,
  seat: own,
  history: state?.history ?? "none",
})
