/**
 * The state of a room: all that a joiner needs and everybody must agree on (PROTOCOL.md, section 9).
 *
 * It is kept in the form in which it is hashed: JSON, with the names that all programs use. Identifiers and keys are
 * base64url.
 */

import { type Bytes, concat } from "../../base/bytes.ts"
import { digest, type JsonObject, type JsonValue, jcs, label } from "../canonical.ts"
import { refuse } from "./refusals.ts"
import {
  boolean,
  type Check,
  list,
  mapOf,
  natural,
  naturalUpTo,
  nullable,
  type ObjectOf,
  object,
  oneOf,
  optional,
  pattern,
  text,
  withDefault,
} from "./schema.ts"

// canonical base64url of 16, 32 and 64 bytes: the last character has no bits to spare
const ID_FORM = /^[A-Za-z0-9_-]{21}[AQgw]$/
const KEY_FORM = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
const SIGNATURE_FORM = /^[A-Za-z0-9_-]{85}[AQgw]$/
/** A KeyPackageRef: a hash of the room's suite, 32 or 64 bytes. */
const REFERENCE_FORM = /^(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]|[A-Za-z0-9_-]{85}[AQgw])$/

export const id = pattern(ID_FORM)
export const key = pattern(KEY_FORM)
export const signature = pattern(SIGNATURE_FORM)
export const bytes = pattern(/^[A-Za-z0-9_-]*$/, 4096)
export const partyId = text(1, 8)
/** What else a name must be, `isName` says. */
export const name = text(1, 80)
const line = text(1, 300)
export const longText = text(0, 2000)

const MAX_PARTIES = 12
const MAX_RULES = 12
/** The most approvals of one seat that wait: nobody can use up what others need. */
export const MAX_APPROVALS = 200

export const role = oneOf("facilitator", "participant", "interpreter", "observer", "bot")
export type Role = ReturnType<typeof role>

export const history = oneOf("none", "briefing")
export const admissionRule = oneOf("any", "party")
export const lines = list(line, MAX_RULES)
export const parties = list(object({ id: partyId, name }), MAX_PARTIES)
/** What both sides of a knock read aloud: numbers of words in the reader's list. */
export const words = list(naturalUpTo(2047), 3, 3)
export const retention = object({ seconds: natural, after_reading: boolean })
/** A seat's public keys. `leaf` is the MLS signature key. */
export const keys = object({ seat: key, leaf: key, governance: key, inbox: bytes })
export type Keys = ReturnType<typeof keys>

/** What a bot is for, what its library hands its program, and whether it writes. */
export const scope = object({ purpose: line, reads: oneOf("all", "addressed", "none"), writes: boolean })
export type Scope = ReturnType<typeof scope>

/**
 * A place in the room. `accepted` is the version of the rules that it accepted last, 0 for none; `by` are those who
 * approved it; `operates` says whether the server was told that it may facilitate.
 */
const seat = object({
  leaf: natural,
  role,
  party: nullable(partyId),
  name,
  keys,
  scope: nullable(scope),
  accepted: natural,
  since: natural,
  by: list(id),
  operates: boolean,
})
export type Seat = ReturnType<typeof seat>

/** An open invitation. */
const invited = object({ role, party: nullable(partyId), scope: nullable(scope), expires: natural, by: id })
/** @public */
export type Invited = ReturnType<typeof invited>

/**
 * What an approval approves, and nothing else. Members that an act has no use for are left out.
 *
 * add: seat, name, role, party, scope, keys, package, mailbox · remove: seat · role: seat, role, party · rule: admission
 */
const ACT_MEMBERS = {
  act: oneOf("add", "remove", "role", "rule"),
  rule_version: natural,
  expires: natural,
  seat: optional(id),
  name: optional(name),
  role: optional(role),
  party: optional(partyId),
  scope: optional(scope),
  keys: optional(keys),
  package: optional(pattern(REFERENCE_FORM)),
  mailbox: optional(id),
  admission: optional(admissionRule),
}
export type Act = ObjectOf<typeof ACT_MEMBERS>
export const act: Check<Act> = object(ACT_MEMBERS)

/** An approval that was not used yet. `since`: when it was given, or when the seat that it removes governed last. */
const approval = object({ act, by: id, since: natural })
export type Approval = ReturnType<typeof approval>

/** Who knocks at an open invitation: the act that would let it in, and the three words' numbers. */
const knocking = object({ act, words, by: id })

/** A seat that is no longer in the room. */
const past = object({ seat: id, name, how: oneOf("left", "removed"), seq: natural })

const STATE_MEMBERS = {
  room: id,
  suite: natural,
  title: name,
  welcome: longText,
  record_key: key,
  rules: object({ version: natural, lines }),
  parties,
  admission: object({ rule: admissionRule, version: natural }),
  retention,
  history,
  seats: mapOf(id, seat),
  past: withDefault(list(past), []),
  leaving: withDefault(list(id), []),
  invitations: withDefault(mapOf(id, invited), {}),
  knocks: withDefault(mapOf(id, knocking), {}),
  approvals: withDefault(mapOf(id, approval), {}),
  intents: withDefault(mapOf(id, natural), {}),
  closed: withDefault(nullable(natural), null),
  disclosed: withDefault(list(id), []),
}

/** The room. `disclosed` are the seats whose private leaf key is known to all, after closing. */
export type RoomState = ObjectOf<typeof STATE_MEMBERS>

/** A state from outside. Throws `body-malformed`. */
export const parseState: Check<RoomState> = object(STATE_MEMBERS)

/** Any value of the fold as plain JSON, which it is: TypeScript does not see it in an interface. */
export const jsonOf = (value: object): JsonObject => value as JsonObject

/** state_hash, 32 bytes. */
export const hashOf = (state: RoomState): Bytes => digest(concat(label("state"), jcs(jsonOf(state))))

/** Where an event stands in the log: all that the fold knows of the world. Identifiers are base64url. */
export interface At {
  readonly room: string
  readonly seq: number
  readonly time: number
  readonly sender: string
  readonly event: string
}

/** Of an envelope, what the fold decides by. */
export interface Said {
  readonly type: string
  readonly body: JsonObject
  readonly intent: number
}

/** The seats that facilitate, with their ids. */
export const facilitatorsOf = (state: RoomState): readonly (readonly [string, Seat])[] =>
  Object.entries(state.seats).filter(([, one]) => one.role === "facilitator")

/** Throws `party-unknown`. */
export function requireParty(state: RoomState, party: string | null): void {
  if (party !== null && state.parties.every((one) => one.id !== party)) refuse("party-unknown")
}

export const withSeat = (state: RoomState, of: string, changed: Seat): RoomState => ({
  ...state,
  seats: { ...state.seats, [of]: changed },
})

/** The members of an object of which a predicate holds. */
export const only = <T>(
  all: Readonly<Record<string, T>>,
  holds: (one: T, of: string) => boolean,
): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(all).filter(([of, one]) => holds(one, of)))

/** Whether two values of the fold are the same. */
export const isSame = (one: object | null | undefined, other: object | null | undefined): boolean =>
  formOf(one) === formOf(other)

/** A value's canonical form, to compare it by. */
export const formOf = (value: object | null | undefined): string =>
  new TextDecoder().decode(jcs((value ?? null) as JsonValue))
