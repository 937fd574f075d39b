/**
 * What is to be sent, as it is kept: intents that outlive crashes.
 *
 * An `Item` is what somebody wanted; an `Attempt` is one ciphertext of it. The item and the MLS state after encrypting are
 * stored in one transaction before a byte leaves. The same bytes are sent until the server has answered; a further
 * attempt is made only after `stale-epoch`, and all attempts stay known until the item's event is in the log.
 */

import { type Bytes, utf8 } from "../base/bytes.ts"
import { type JsonObject, jcs, parseJcs } from "../protocol/canonical.ts"
import type { Envelope } from "../protocol/envelope.ts"
import { DRAFT, type Draft, type EventKind } from "../protocol/events.ts"
import {
  boolean,
  bytes,
  type Field,
  list,
  number,
  numberBetween,
  orNil,
  struct,
  text,
} from "../protocol/fields.ts"
import { MAX_DRAFTS } from "../protocol/limits.ts"
import { pack, unpack } from "../protocol/msgpack.ts"
import { encodeOperation, type Operation, parseOperation } from "../protocol/operations.ts"
import type { CommitChange } from "../protocol/room/commit.ts"

export type Lane = "chat" | "governance"

/** A commit: one seat in or out, or with `isPath` new keys for the own one. */
export interface Plan {
  readonly seat: string
  /** The KeyPackage of who comes in, an MLSMessage. */
  readonly package: Bytes | null
  /** The invitation that it uses up. */
  readonly mailbox: string | null
  readonly isPath: boolean
}

/** What one event looks like when it comes back. */
export interface SentDraft {
  readonly id: string
  readonly kind: EventKind
  readonly bodyHash: Bytes
  readonly leaf: Bytes | null
}

/** Of a commit: the next epoch's group, what the commit changes, and its Welcome. */
export interface Transition {
  readonly epoch: Bytes
  readonly ratchets: Bytes
  readonly change: CommitChange
  readonly welcome: Bytes | null
  readonly tree: Bytes | null
}

/** One ciphertext of an item. */
export interface Attempt {
  readonly drafts: readonly SentDraft[]
  readonly epoch: number
  readonly opening: string
  readonly transition: Transition | null
}

/** One intent. */
export interface Item {
  readonly place: number
  readonly lane: Lane
  /** An envelope's, or empty. */
  readonly type: string
  readonly body: JsonObject
  /** The intent's number in its class. */
  readonly number: number
  /** In clear, behind the envelope; `act` is set when the ciphertext is made. */
  readonly operations: readonly Operation[]
  /** The commit to make. */
  readonly plan: Plan | null
  readonly attempts: readonly Attempt[]
  /** The drafts of the last attempt; null where there is none, or it was stale. */
  readonly submit: readonly Draft[] | null
}

/** An item without anything in it, in the lane of governance. */
export const EMPTY_ITEM: Item = {
  place: 0,
  lane: "governance",
  type: "",
  body: {},
  number: 0,
  operations: [],
  plan: null,
  attempts: [],
  submit: null,
}

/** Whether an item takes a commit back: it is sent in the epoch that the members skip. */
export const isVoiding = (item: Item): boolean => item.operations.some((one) => one.type === "VoidCommit")

/** Whether an item renews the own keys. */
export const isPath = (item: Item): boolean => item.plan?.isPath === true

/** Whether an item only narrows who reads: it is in nobody's interest that it waits behind chat. */
function takesAway(item: Item): boolean {
  const { body, plan, type } = item
  if (plan !== null) return !plan.isPath && plan.package === null
  if (type === "approve") return (body.act as JsonObject).act === "remove"
  return isVoiding(item) || type === "unapprove" || type === "revoke"
}

/**
 * New keys, what was begun, the governance at hand that only takes away, and all else as it was written.
 *
 * Nothing overtakes within its lane: intents count up. What lets somebody in never overtakes chat: what was written before
 * was not meant for who comes later (PROTOCOL.md, section 5).
 */
export function inSendingOrder(items: Iterable<Item>): readonly Item[] {
  const written = [...items].sort((one, other) => one.place - other.place)
  const governance = written.filter((item) => item.lane === "governance" && !isPath(item))
  const other = governance.findIndex((item) => !takesAway(item))
  const ahead = new Set(other < 0 ? governance : governance.slice(0, other))
  const rank = (item: Item) =>
    (isPath(item) ? 0 : 4) + (item.submit === null ? 2 : 0) + (ahead.has(item) ? 0 : 1)
  return written.sort((one, next) => rank(one) - rank(next))
}

/** What a device says by itself, and nobody waits for: commits and operations too. */
const SILENT: readonly string[] = ["", "seen", "confirm", "knock", "disclose"]
export const isSilent = ({ type }: Item): boolean => SILENT.includes(type)

/** The plaintext, but for what is verified when it is written. */
export const saidBy = (item: Item): Omit<Envelope, "view"> => ({
  type: item.type,
  body: item.body,
  intent: item.number,
})

// ---- storage: of a commit it holds secrets of the new epoch

const MAX_BYTES = 1 << 28
const SHORT = text(64)
const BLOB = bytes(0, MAX_BYTES)

const json = <T>(): Field<T> => ({
  read: (reader) => JSON.parse(reader.text(MAX_BYTES)) as T,
  write: (value) => JSON.stringify(value),
})

const BODY: Field<JsonObject> = {
  read: (reader) => parseJcs(utf8(reader.text(MAX_BYTES))),
  write: (value) => new TextDecoder().decode(jcs(value)),
}

const OPERATION: Field<Operation> = {
  read: (reader) => parseOperation(reader.bytes(1, MAX_BYTES)),
  write: encodeOperation,
}

const LANE: Field<Lane> = {
  read: (reader) => (reader.boolean() ? "chat" : "governance"),
  write: (lane) => lane === "chat",
}

const PLAN = struct({ seat: SHORT, package: orNil(BLOB), mailbox: orNil(SHORT), isPath: boolean })
const SENT = struct({
  id: SHORT,
  kind: numberBetween(1, 5) as Field<EventKind>,
  bodyHash: bytes(32),
  leaf: orNil(bytes(33)),
})
const TRANSITION = struct({
  epoch: BLOB,
  ratchets: BLOB,
  change: json<CommitChange>(),
  welcome: orNil(BLOB),
  tree: orNil(BLOB),
})
const MAX_ATTEMPTS = 1 << 20
const ATTEMPT = struct({
  drafts: list(SENT, 0, MAX_DRAFTS),
  epoch: number,
  opening: SHORT,
  transition: orNil(TRANSITION),
})

export const ITEM: Field<Item> = struct({
  place: number,
  lane: LANE,
  type: SHORT,
  body: BODY,
  number,
  operations: list(OPERATION, 0, MAX_DRAFTS),
  plan: orNil(PLAN),
  attempts: list(ATTEMPT, 0, MAX_ATTEMPTS),
  submit: orNil(list(DRAFT, 0, MAX_DRAFTS)),
})

export const encodeItem = (item: Item): Bytes => pack(ITEM.write(item))
export const parseItem = (stored: Uint8Array): Item => unpack(stored, ITEM.read)
