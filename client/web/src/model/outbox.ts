/** How what is to be sent becomes a Submit (PROTOCOL.md, section 5). */

import { type Bytes, b64u, equal, randomBytes } from "../base/bytes.ts"
import { MlsError } from "../mls/errors.ts"
import { digest } from "../protocol/canonical.ts"
import { encodeEnvelope, encodeViewData, paddingClass } from "../protocol/envelope.ts"
import { LocalProtocolError } from "../protocol/errors.ts"
import { type Draft, EventKind } from "../protocol/events.ts"
import { ID_SIZE, parseB64u } from "../protocol/ids.ts"
import { encodeOperation, type Operation } from "../protocol/operations.ts"
import type { Told } from "../protocol/room/clear.ts"
import { approvedAdd, type CommitChange, decideCommit } from "../protocol/room/commit.ts"
import { FoldRefusal, refuse } from "../protocol/room/refusals.ts"
import type { At, RoomState } from "../protocol/room/state.ts"
import { NotAllowed } from "./errors.ts"
import { type Attempt, type Item, type Plan, type SentDraft, saidBy } from "./items.ts"
import { governanceEntry, leafOfEntry, operationEntry, stateKeyOf } from "./room/leaves.ts"
import { changeOf, mls } from "./room/membership.ts"
import type { OwnEvent } from "./room/prepare.ts"
import { hereOf, isSkipping, type RoomView } from "./room/view.ts"

const COMMIT_PADDING = 256

/** An item with a ciphertext, and the view whose MLS state has spent the key for it. */
export interface Written {
  readonly item: Item
  readonly view: RoomView
}

/** Makes a ciphertext. Throws NotAllowed where the room as it is has no place for the item. */
export async function writeItem(view: RoomView, item: Item, nowS: number): Promise<Written> {
  try {
    return item.plan === null ? await writeSaid(view, item) : await writeCommit(view, item, item.plan, nowS)
  } catch (error) {
    if (error instanceof MlsError || error instanceof FoldRefusal || error instanceof LocalProtocolError)
      throw new NotAllowed(error.code)
    throw error
  }
}

async function writeSaid(view: RoomView, item: Item): Promise<Written> {
  const { epoch, opening } = view.clear
  const sealed = item.type === "" ? undefined : await seal(view, item)
  const act = sealed?.draft.id ?? null
  const drafts = [
    ...(sealed === undefined ? [] : [sealed.draft]),
    ...(await Promise.all(
      item.operations.map((one) => controlDraft(view, { ...one, act }, epoch, parseB64u(opening))),
    )),
  ]
  const attempt: Attempt = { drafts: drafts.map(sentOf), epoch, opening, transition: null }
  return {
    item: { ...item, attempts: [...item.attempts, attempt], submit: drafts },
    view: { ...view, mls: sealed?.group ?? view.mls },
  }
}

/** The draft of an envelope, with its leaf where the record has one of its type. */
async function seal(view: RoomView, item: Item) {
  const said = saidBy(item)
  const data = encodeEnvelope({ ...said, view: hereOf(view) })
  const { group, message } = await mls.encrypt(view.mls, data, paddingClass(data.length))
  const id = randomBytes(ID_SIZE)
  const isChat = item.lane === "chat"
  const draft: Draft = {
    id,
    kind: isChat ? EventKind.CHAT : EventKind.GOVERNANCE,
    epoch: mls.open(view.mls).epoch,
    opening: parseB64u(view.opening),
    body: message,
    leaf: isChat ? null : leafOfEntry(await governanceEntry(view.mls, view.room, id, said, view.seat)),
  }
  return { draft, group }
}

/**
 * SeatAdd or SeatRemove, the commit that does it, and the end of the invitation that it used up. Or a path alone.
 */
async function writeCommit(view: RoomView, item: Item, plan: Plan, nowS: number): Promise<Written> {
  const state = view.state
  if (state === null || isSkipping(view)) throw new NotAllowed("not-now")
  const seat = state.seats[plan.seat]
  const made = await mls.commit(view.mls, {
    add: plan.package === null ? [] : [plan.package],
    remove: plan.package !== null || plan.isPath || seat === undefined ? [] : [seat.leaf],
    authenticatedData: encodeViewData(hereOf(view), await stateKeyOf(view.mls)),
    paddedTo: COMMIT_PADDING,
  })
  const change = changeOf(made.change)
  const at = {
    room: view.id,
    seq: view.seq + 1,
    time: Math.max(view.time, nowS),
    sender: view.own,
    event: "",
  }
  const told = toldWith(state, at, change)
  decideCommit(state, at, change, told)
  const drafts = await draftsOf(view, plan, told, made.message)
  const attempt: Attempt = {
    drafts: drafts.map(sentOf),
    epoch: mls.open(view.mls).epoch,
    opening: view.opening,
    transition: {
      ...made.next.stored(),
      change,
      welcome: made.welcome?.message ?? null,
      tree: made.welcome?.tree ?? null,
    },
  }
  return {
    item: { ...item, attempts: [...item.attempts, attempt], submit: drafts },
    view: { ...view, mls: made.group },
  }
}

async function draftsOf(
  view: RoomView,
  plan: Plan,
  told: readonly Told[],
  body: Bytes,
): Promise<readonly Draft[]> {
  const { epoch } = mls.open(view.mls)
  const opening = parseB64u(view.opening)
  const commit = { id: randomBytes(ID_SIZE), kind: EventKind.COMMIT, epoch, opening, body, leaf: null }
  const before = await Promise.all(told.map((one) => controlDraft(view, one, epoch, opening)))
  if (plan.mailbox === null) return [...before, commit]
  const close: Operation = { type: "InvitationClose", act: null, mailbox: parseB64u(plan.mailbox) }
  return [...before, commit, await controlDraft(view, close, epoch + 1, commit.id)]
}

/** What the server is told: exactly what the commit does, right before it. Throws FoldRefusal. */
function toldWith(state: RoomState, at: At, change: CommitChange): readonly Told[] {
  const { joining, leaving, renewed } = change
  if (joining.length + leaving.length + renewed.length === 0) refuse("seat-unknown")
  const removed = leaving.map((seat) => ({ type: "SeatRemove" as const, act: null, seat: parseB64u(seat) }))
  const added = joining.map((one) => ({
    type: "SeatAdd" as const,
    act: null,
    seat: parseB64u(one.seat),
    seatKey: parseB64u(one.keys.seat),
    mayFacilitate: approvedAdd(state, at, one).act.role === "facilitator",
  }))
  return [...removed, ...added]
}

async function controlDraft(
  view: RoomView,
  operation: Operation,
  epoch: number,
  opening: Bytes,
): Promise<Draft> {
  const id = randomBytes(ID_SIZE)
  return {
    id,
    kind: EventKind.CONTROL,
    epoch,
    opening,
    body: encodeOperation(operation),
    leaf: leafOfEntry(await operationEntry(view.mls, view.room, id, operation)),
  }
}

const sentOf = (draft: Draft): SentDraft => ({
  id: b64u(draft.id),
  kind: draft.kind,
  bodyHash: digest(draft.body),
  leaf: draft.leaf,
})

// ---- own events that come back

export interface Found {
  readonly item: Item
  readonly attempt: Attempt
  readonly own: OwnEvent
}

/** The item whose attempt an event of this seat is, and what is to be known of it to take it. */
export function findOwn(items: Iterable<Item>, event: string): Found | undefined {
  for (const item of items)
    for (const attempt of item.attempts) {
      const draft = attempt.drafts.find((one) => one.id === event)
      if (draft !== undefined) return { item, attempt, own: ownEvent(item, attempt, draft) }
    }
  return undefined
}

function ownEvent(item: Item, attempt: Attempt, { bodyHash, kind, leaf }: SentDraft): OwnEvent {
  const isSaid = kind === EventKind.CHAT || kind === EventKind.GOVERNANCE
  return {
    bodyHash,
    leaf: kind === EventKind.COMMIT ? null : leaf,
    said: isSaid ? saidBy(item) : undefined,
    transition: kind === EventKind.COMMIT ? (attempt.transition ?? undefined) : undefined,
  }
}

/** Whether the server's answer is about this item's Submit. */
export const isAnswered = (item: Item, id: Uint8Array): boolean => {
  const first = item.submit?.[0]?.id
  return first !== undefined && equal(first, id)
}
