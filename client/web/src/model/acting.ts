/** Acts of governance, judged before they are written down. */

import { b64u, randomBytes } from "../base/bytes.ts"
import type { JsonObject } from "../protocol/canonical.ts"
import { ID_SIZE } from "../protocol/ids.ts"
import type { Operation } from "../protocol/operations.ts"
import { decide } from "../protocol/room/decide.ts"
import { FoldRefusal } from "../protocol/room/refusals.ts"
import { type Desk, enqueue, nowOf, requirePresent } from "./desk.ts"
import { NotAllowed } from "./errors.ts"
import type { Change } from "./ledger.ts"

/** An act of governance, stored when this returns. Throws NotAllowed for one that the room as it is would refuse. */
export async function govern(
  desk: Desk,
  type: string,
  body: JsonObject,
  operations: readonly Operation[] = [],
  change?: Change,
): Promise<void> {
  const { state } = requirePresent(desk)
  const { own } = desk.ledger.view
  const at = {
    room: state.room,
    seq: desk.ledger.view.seq + 1,
    time: nowOf(desk),
    sender: own,
    event: b64u(randomBytes(ID_SIZE)),
  }
  try {
    decide(state, at, { type, body, intent: (state.intents?.[own] ?? 0) + 1 })
  } catch (error) {
    throw error instanceof FoldRefusal ? new NotAllowed(error.code) : error
  }
  await enqueue(desk, "governance", type, body, operations, change)
}

/** Accepts the room's rules as they are now; nothing happens where they are accepted, or it is on its way. */
export async function acceptRules(desk: Desk): Promise<void> {
  const { seat, state } = requirePresent(desk)
  const { version } = state.rules
  const isOnItsWay = [...desk.ledger.items.values()].some(
    (item) => item.type === "accept" && item.body.version === version,
  )
  if (seat.accepted < version && !isOnItsWay) await govern(desk, "accept", { version })
}
