/**
 * The step from one event to the next (PROTOCOL.md, section 8).
 *
 * A function of view and event alone. What the room's rules refuse becomes a fact that members are shown; what says that
 * the log or the room is another than everybody else's throws Stopped.
 */

import { type Bytes, b64u, equal } from "../../base/bytes.ts"
import { MlsError } from "../../mls/errors.ts"
import { nextLink } from "../../protocol/chain.ts"
import { type Envelope, parseEnvelope } from "../../protocol/envelope.ts"
import { EventKind, hashOfBody, isWithheld, type LogEvent } from "../../protocol/events.ts"
import { append } from "../../protocol/record/merkle.ts"
import { type Clear, type Followed, follow } from "../../protocol/room/clear.ts"
import { FoldRefusal, refuse } from "../../protocol/room/refusals.ts"
import type { At, Said } from "../../protocol/room/state.ts"
import type { Transition } from "../items.ts"
import { checkOrder, checkView, stop } from "./checks.ts"
import { enter, enterOwn, entryOf, operate, takeBack, toldOf } from "./commits.ts"
import type { Fact } from "./entries.ts"
import { governanceEntry, leafFits, type RecordEntry } from "./leaves.ts"
import { mls, seatAt } from "./membership.ts"
import { type AuthorOf, govern, type Step, say } from "./speech.ts"
import { isLeftBehind, noted, type RoomView, skippedOf } from "./view.ts"

/** What this client knows of an event that it sent: it cannot decrypt its own. */
export interface OwnEvent {
  /** H(body) as it was sent, and the record's leaf beside it. */
  readonly bodyHash: Bytes
  readonly leaf: Bytes | null
  /** Of chat and governance. */
  readonly said: Said | undefined
  /** Of a commit. */
  readonly transition: Transition | undefined
}

/** The view after an event, and what is shown of it. Nothing is stored or shown yet. */
export interface Prepared {
  readonly view: RoomView
  readonly facts: readonly Fact[]
  /** What the event's leaf commits to; its index in the record is the record's size before. */
  readonly entry: RecordEntry | undefined
}

/** The room after the next event. Throws Stopped; `own` is undefined for events of others. */
export async function prepare(
  view: RoomView,
  event: LogEvent,
  own: OwnEvent | undefined,
  authorOf: AuthorOf,
): Promise<Prepared> {
  checkOrder(view, event)
  if (isWithheld(event)) stop("body-withheld")
  if (equal(event.seat, view.seat)) checkOwn(event, own)
  const followed = follow(view.clear, event)
  const moved: RoomView = {
    ...view,
    seq: event.seq,
    time: event.time,
    chain: nextLink(view.chain, event),
    record: event.leaf === null ? view.record : append(view.record, event.leaf),
    clear: followed.clear,
  }
  const stepped = await step(withPreviousUsed(moved), event, own, authorOf, view.clear, followed)
  const isNewlyBehind = isLeftBehind(stepped.view) && !isLeftBehind(view)
  const facts = isNewlyBehind ? [...stepped.facts, leftBehind(stepped.view, event)] : stepped.facts
  return { ...stepped, view: noted(stepped.view, view), facts }
}

function checkOwn(event: LogEvent, own: OwnEvent | undefined): void {
  const { bodyHash, leaf } = own ?? stop("own-unknown")
  const isSameLeaf = leaf === null || event.leaf === null ? leaf === event.leaf : equal(leaf, event.leaf)
  if (!isSameLeaf || !equal(bodyHash, hashOfBody(event))) stop("own-altered")
}

async function step(
  view: RoomView,
  event: LogEvent,
  own: OwnEvent | undefined,
  authorOf: AuthorOf,
  before: Clear,
  followed: Followed,
): Promise<Prepared> {
  if (event.kind === EventKind.CONTROL) return control(view, event, before, followed)
  if (before.opening !== view.opening || event.epoch !== mls.open(view.mls).epoch)
    return ignored(view, event, "epoch-wrong")
  if (event.kind === EventKind.COMMIT) return commit(view, event, own, before)
  if (event.kind === EventKind.ANONYMOUS) return ignored(view, event, "unreadable")
  return application(view, event, own, authorOf)
}

/** Another seat writes in the epoch: those before it are gone (section 8). */
function withPreviousUsed(view: RoomView): RoomView {
  const isUsed = view.clear.openings.some((one) => one.used && one.commit === view.opening)
  return view.previous.length > 0 && isUsed ? { ...view, previous: [] } : view
}

function leftBehind(view: RoomView, event: LogEvent): Fact {
  const opening = skippedOf(view).find((one) => one.used)
  const { author, commit: id } = opening ?? { author: "", commit: "" }
  return { kind: "left-behind", seq: event.seq, time: event.time, seat: author, commit: id }
}

// ---- chat and governance

async function application(
  view: RoomView,
  event: LogEvent,
  own: OwnEvent | undefined,
  authorOf: AuthorOf,
): Promise<Prepared> {
  if (own !== undefined)
    return own.said === undefined ? ignored(view, event, "unreadable") : said(view, event, own.said, authorOf)
  if (event.body === null) return ignored(view, event, "purged")
  const received = await read(view, event, event.body)
  if (received === undefined) return ignored(view, event, "unreadable")
  const opened = { ...view, mls: received.group }
  const envelope = envelopeIn(received.data)
  if (envelope === undefined) return ignored(opened, event, "body-malformed")
  checkView(view, event, envelope.view)
  return said(opened, event, envelope, authorOf)
}

/** The message that a seat itself encrypted; undefined where it is none. */
async function read(view: RoomView, event: LogEvent, body: Bytes) {
  try {
    const received = await mls.receive(view.mls, body, event.time)
    const isOwn = received.kind === "application" && seatAt(view.mls, received.sender) === b64u(event.seat)
    return isOwn ? received : undefined
  } catch (error) {
    if (error instanceof MlsError) return undefined
    throw error
  }
}

function envelopeIn(data: Uint8Array): Envelope | undefined {
  try {
    return parseEnvelope(data)
  } catch {
    return undefined
  }
}

async function said(view: RoomView, event: LogEvent, what: Said, authorOf: AuthorOf): Promise<Prepared> {
  const governs = event.kind === EventKind.GOVERNANCE
  const wanted = governs ? await governanceEntry(view.mls, view.room, event.id, what, event.seat) : undefined
  const isFit = leafFits(wanted, event.leaf)
  const entry = isFit ? wanted : undefined
  try {
    if (!isFit) refuse("record-unfit")
    const at = placeOf(view, event)
    return prepared(governs ? govern(view, event, at, what) : say(view, event, at, what, authorOf), entry)
  } catch (error) {
    if (error instanceof FoldRefusal) return { ...ignored(view, event, error.code, what.type), entry }
    throw error
  }
}

// ---- commits and operations

async function commit(
  view: RoomView,
  event: LogEvent,
  own: OwnEvent | undefined,
  before: Clear,
): Promise<Prepared> {
  const at = placeOf(view, event)
  try {
    const told = await toldOf(view, event, before)
    if (own === undefined) return prepared(await enter(view, event, at, told))
    if (own.transition === undefined) return skipped(view, event, "unreadable")
    return prepared(enterOwn(view, event, at, told, own.transition))
  } catch (error) {
    if (error instanceof FoldRefusal || error instanceof MlsError) return skipped(view, event, error.code)
    throw error
  }
}

/** Nobody takes this commit; the room stays as it was, and only the server is further. */
const skipped = (view: RoomView, event: LogEvent, code: string): Prepared =>
  prepared([view, [{ kind: "skipped", seq: event.seq, time: event.time, seat: b64u(event.seat), code }]])

async function control(
  view: RoomView,
  event: LogEvent,
  before: Clear,
  followed: Followed,
): Promise<Prepared> {
  const entry = await entryOf(view, event, before)
  const kept = leafFits(entry, event.leaf) ? entry : undefined
  try {
    if (followed.verdict !== undefined) return prepared(takeBack(view, event, followed, entry), kept)
    return prepared(operate(view, event, placeOf(view, event), before, entry), kept)
  } catch (error) {
    if (error instanceof FoldRefusal) return ignored(view, event, error.code)
    throw error
  }
}

// ---- what counts for nobody, and where an event stands

const ignored = (view: RoomView, event: LogEvent, code: string, type = ""): Prepared =>
  prepared([
    view,
    [{ kind: "ignored", seq: event.seq, time: event.time, seat: b64u(event.seat), code, type }],
  ])

const prepared = ([view, facts]: Step, entry?: RecordEntry): Prepared => ({ view, facts, entry })

/** Where an event stands, as the fold wants to know it. */
const placeOf = (view: RoomView, event: LogEvent): At => ({
  room: view.id,
  seq: event.seq,
  time: event.time,
  sender: b64u(event.seat),
  event: b64u(event.id),
})
