/** What MLS may change in a room, and what a commit changes in the fold's words (PROTOCOL.md, section 11). */

import { b64u, equal } from "../../base/bytes.ts"
import type { Change, Group, Member } from "../../mls/mls.ts"
import { makeMls } from "../../mls/tsmls.ts"
import { isObject, type JsonObject, type JsonValue } from "../../protocol/canonical.ts"
import { parseCredential, type SeatCredential } from "../../protocol/credential.ts"
import type { CommitChange } from "../../protocol/room/commit.ts"
import { formOf, jsonOf, type Keys, type RoomState } from "../../protocol/room/state.ts"

/** MLS for rooms: only seats come in. */
export const mls = makeMls(isSeat)

function isSeat(identity: Uint8Array): boolean {
  try {
    parseCredential(identity)
    return true
  } catch {
    return false
  }
}

const credentials = new WeakMap<Member, SeatCredential>()

/** A leaf's credential, which `isSeat` has judged. It is asked for with each event, and read once. */
export function credentialOf(member: Member): SeatCredential {
  const known = credentials.get(member) ?? parseCredential(member.identity)
  credentials.set(member, known)
  return known
}

/** The seat in a leaf; undefined where the leaf is empty. */
export function seatAt(group: Group, leaf: number): string | undefined {
  const member = mls.memberAt(group, leaf)
  return member === undefined ? undefined : b64u(credentialOf(member).seat)
}

/** A seat's public keys as the fold has them. */
export const keysOf = (credential: SeatCredential, leafKey: Uint8Array): Keys => ({
  seat: b64u(credential.seatKey),
  leaf: b64u(leafKey),
  governance: b64u(credential.governanceKey),
  inbox: b64u(credential.inboxKey),
})

const keysAt = (member: Member): Keys => keysOf(credentialOf(member), member.signatureKey)

/** What a verified commit changes; MLS itself takes nothing but Add, Remove and the committer's own path. */
export const changeOf = (change: Change): CommitChange => ({
  joining: change.added.map((member) => ({
    seat: b64u(credentialOf(member).seat),
    leaf: member.leaf,
    keys: keysAt(member),
    package: b64u(member.keyPackage),
  })),
  leaving: change.removed.map((member) => b64u(credentialOf(member).seat)),
  renewed: change.renewed.map(({ after, before }) => [
    b64u(credentialOf(before).seat),
    equal(before.identity, after.identity) && equal(before.signatureKey, after.signatureKey),
  ]),
  other: false,
})

/** A state for a joiner: the keys of a seat are left out where its leaf has them (section 10). */
export function withoutKeys(state: RoomState, group: Group): JsonObject {
  const known = keysByLeaf(group)
  const seats = Object.entries(state.seats).map(([id, { keys, ...seat }]) => {
    const isKnown = formOf(keys) === formOf(known.get(seat.leaf))
    return [id, isKnown ? seat : { ...seat, keys }] as const
  })
  return { ...jsonOf(state), seats: jsonOf(Object.fromEntries(seats)) }
}

/** The state again, of one that a joiner was given. What is not there is not made up. */
export function withKeys(told: JsonObject, group: Group): JsonObject {
  if (!isObject(told.seats)) return told
  const known = keysByLeaf(group)
  const seats = Object.entries(told.seats).map(([id, seat]) => [id, seatWithKeys(seat, known)] as const)
  return { ...told, seats: Object.fromEntries(seats) }
}

function seatWithKeys(seat: JsonValue, known: ReadonlyMap<number, Keys>): JsonValue {
  if (!isObject(seat) || seat.keys !== undefined || typeof seat.leaf !== "number") return seat
  const keys = known.get(seat.leaf)
  return keys === undefined ? seat : { ...seat, keys: jsonOf(keys) }
}

const keysByLeaf = (group: Group): ReadonlyMap<number, Keys> =>
  new Map(mls.members(group).map((member) => [member.leaf, keysAt(member)]))

/**
 * Whether the members of the group are exactly the seats of the room, each with its keys; the inbox key alone may have
 * been rotated by an event since (section 2).
 */
export function treeMatches(group: Group, state: RoomState): boolean {
  const roster = Object.entries(state.seats).map(([id, { keys, leaf }]) => rowOf(leaf, id, keys))
  const members = mls
    .members(group)
    .map((member) => rowOf(member.leaf, b64u(credentialOf(member).seat), keysAt(member)))
  return roster.sort().join("\n") === members.sort().join("\n")
}

const rowOf = (leaf: number, seat: string, keys: Keys): string =>
  [leaf, seat, keys.seat, keys.leaf, keys.governance].join(" ")
