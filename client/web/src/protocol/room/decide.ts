/**
 * decide: (state, governance event) → state, or a coded refusal (PROTOCOL.md, section 9).
 *
 * One table from type to handler. A handler checks and returns the new state, or throws FoldRefusal, and then the event
 * has changed nothing, for every member alike.
 */

import { b64u, concat, KEY_SIZE } from "../../base/bytes.ts"
import { publicKey } from "../../base/ed25519.ts"
import { vector } from "../../base/tls.ts"
import { MAX_INBOX_KEY_BYTES } from "../credential.ts"
import { parseB64u } from "../ids.ts"
import { verify } from "../keys.ts"
import { seenAlive } from "./admission.ts"
import { approve, isLastFacilitator, setAdmission, setRole, unapprove } from "./approvals.ts"
import { type Body, type BodyType, bodyType, parseBody } from "./bodies.ts"
import { invite, knock, revoke } from "./invitations.ts"
import { isName } from "./names.ts"
import { refuse } from "./refusals.ts"
import { type At, type RoomState, requireParty, type Said, type Seat, withSeat } from "./state.ts"

/** What still counts in a closed room. */
const AFTER_CLOSING: readonly BodyType[] = ["confirm", "disclose"]
/** What a seat may do before it accepted the rules as they are. */
const BEFORE_ACCEPTING: readonly BodyType[] = ["accept", "leave", "confirm", "disclose"]
/** What seats may do that do not facilitate; of `approve`, members only what `mayApprove` says. */
const FOR_EVERY_SEAT: readonly BodyType[] = [
  "accept",
  "confirm",
  "leave",
  "inbox",
  "disclose",
  "approve",
  "unapprove",
]

/** The state after a governance event. Throws FoldRefusal. */
export function decide(state: RoomState | null, at: At, said: Said): RoomState {
  const type = bodyType(said.type)
  const decided = type === "genesis" ? create(state, at, said) : govern(state, at, said, type)
  return { ...decided, intents: { ...decided.intents, [at.sender]: said.intent } }
}

function govern(state: RoomState | null, at: At, said: Said, type: Exclude<BodyType, "genesis">): RoomState {
  const body = parseBody(type, said.body)
  if (state === null) return refuse("no-genesis")
  const sender = state.seats[at.sender] ?? refuse("sender-unknown")
  if (said.intent <= (state.intents[at.sender] ?? 0)) refuse("intent-doubled")
  if (state.closed !== null && !AFTER_CLOSING.includes(type)) refuse("closed")
  if (sender.accepted < state.rules.version && !BEFORE_ACCEPTING.includes(type)) refuse("rules-not-accepted")
  if (sender.role !== "facilitator" && !FOR_EVERY_SEAT.includes(type)) refuse("role-forbids")
  const handler = HANDLERS[type] as (state: RoomState, at: At, body: unknown, sender: Seat) => RoomState
  return seenAlive(handler(state, at, body, sender), at.sender, at.time)
}

/** The state after a room's first event: the creator facilitates and has accepted its own rules. */
function create(state: RoomState | null, at: At, said: Said): RoomState {
  const genesis = parseBody("genesis", said.body)
  if (state !== null || at.seq !== 1) refuse("not-first")
  const { keys, name, parties, party, rules, ...settings } = genesis
  if (new Set(parties.map((one) => one.id)).size !== parties.length) refuse("body-malformed")
  if (![settings.title, name, ...parties.map((one) => one.name)].every(isName)) refuse("name-unfit")
  const creator: Seat = {
    leaf: 0,
    role: "facilitator",
    party,
    name,
    keys,
    scope: null,
    accepted: 1,
    since: at.seq,
    by: [at.sender],
    operates: true,
  }
  const created: RoomState = {
    ...settings,
    room: at.room,
    rules: { version: 1, lines: rules },
    parties,
    admission: { rule: "any", version: 1 },
    seats: { [at.sender]: creator },
    past: [],
    leaving: [],
    invitations: {},
    knocks: {},
    approvals: {},
    intents: {},
    closed: null,
    disclosed: [],
  }
  requireParty(created, party)
  return created
}

type Handlers = {
  readonly [T in Exclude<BodyType, "genesis">]: (
    state: RoomState,
    at: At,
    body: Body<T>,
    sender: Seat,
  ) => RoomState
}

const HANDLERS: Handlers = {
  accept: (state, at, { version }, sender) => {
    if (version !== state.rules.version) refuse("version-stale")
    return withSeat(state, at.sender, { ...sender, accepted: version })
  },
  rules: (state, at, { lines }, sender) => {
    const version = state.rules.version + 1
    return withSeat({ ...state, rules: { version, lines } }, at.sender, { ...sender, accepted: version })
  },
  title: (state, _, { title }) => (isName(title) ? { ...state, title } : refuse("name-unfit")),
  welcome: (state, _, { welcome }) => ({ ...state, welcome }),
  retention: (state, _, { retention }) => ({ ...state, retention }),
  history: (state, _, { history }) => ({ ...state, history }),
  invite,
  revoke,
  knock,
  approve,
  unapprove,
  role: setRole,
  admission: setAdmission,
  confirm: (state) => state,
  leave,
  inbox: setInbox,
  close: (state, at) => ({ ...state, closed: at.seq, approvals: {}, invitations: {}, knocks: {} }),
  disclose,
}

function leave(state: RoomState, at: At): RoomState {
  if (state.leaving.includes(at.sender)) return state
  if (isLastFacilitator(state, at.sender) && Object.keys(state.seats).length > 1) refuse("last-facilitator")
  return { ...state, leaving: [...state.leaving, at.sender] }
}

function setInbox(state: RoomState, at: At, body: Body<"inbox">, sender: Seat): RoomState {
  const inbox = inboxKey(body.inbox)
  const content = concat(parseB64u(state.room), parseB64u(at.sender), vector(inbox))
  try {
    verify(parseB64u(sender.keys.governance), "inbox", content, parseB64u(body.signature))
  } catch {
    refuse("approval-signature")
  }
  return withSeat(state, at.sender, { ...sender, keys: { ...sender.keys, inbox: body.inbox } })
}

function inboxKey(text: string): Uint8Array {
  try {
    const key = parseB64u(text)
    if (key.length >= KEY_SIZE && key.length <= MAX_INBOX_KEY_BYTES) return key
  } catch {
    // not canonical base64url: malformed as well
  }
  return refuse("body-malformed")
}

function disclose(state: RoomState, at: At, { leaf }: Body<"disclose">, sender: Seat): RoomState {
  if (state.closed === null) refuse("not-closed")
  if (b64u(publicKey(parseB64u(leaf))) !== sender.keys.leaf) refuse("key-unfit")
  if (state.disclosed.includes(at.sender)) return state
  return { ...state, disclosed: [...state.disclosed, at.sender] }
}
