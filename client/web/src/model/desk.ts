/** One room's desk: what every act of a seat needs, before it is written down. */

import type { JsonObject } from "../protocol/canonical.ts"
import type { Operation } from "../protocol/operations.ts"
import type { RoomState, Seat } from "../protocol/room/state.ts"
import { NotAllowed } from "./errors.ts"
import type { Item, Lane } from "./items.ts"
import type { Change, Ledger } from "./ledger.ts"
import { isFacilitator } from "./room/view.ts"
import type { Clock } from "./time.ts"

/** A seat in one room. */
export interface Desk {
  readonly ledger: Ledger
  readonly clock: Clock
  /** There is something to send. */
  wake(): void
}

/** The room as all members compute it, and the own seat in it. */
export interface Standing {
  readonly state: RoomState
  readonly seat: Seat
}

/** This device's time in seconds, and no earlier than the room's. */
export const nowOf = ({ clock, ledger }: Desk): number => Math.max(ledger.view.time, clock())

/** Throws what stopped the room, `not-created`, `room-closed`, `removed`. */
export function requirePresent({ ledger }: Desk): Standing {
  const { stopped, view } = ledger
  if (stopped !== undefined) throw stopped
  const { state } = view
  if (state === null) throw new NotAllowed("not-created")
  if (state.closed !== null) throw new NotAllowed("room-closed")
  const seat = state.seats[view.own]
  if (seat === undefined || view.presence !== "present") throw new NotAllowed("removed")
  return { state, seat }
}

/** Throws `rules-not-accepted` too. */
export function requireAccepted(desk: Desk): Standing {
  const standing = requirePresent(desk)
  if (standing.seat.accepted < standing.state.rules.version) throw new NotAllowed("rules-not-accepted")
  return standing
}

/** Throws `role-forbids` too. */
export function requireFacilitator(desk: Desk): Standing {
  const standing = requireAccepted(desk)
  if (!isFacilitator(desk.ledger.view)) throw new NotAllowed("role-forbids")
  return standing
}

/** An intent, stored when this returns. Throws what stopped the room. */
export async function enqueue(
  desk: Desk,
  lane: Lane,
  type: string,
  body: JsonObject,
  operations: readonly Operation[] = [],
  change?: Change,
): Promise<Item> {
  const { ledger } = desk
  const item = await ledger.alone(async () => {
    if (ledger.stopped !== undefined) throw ledger.stopped
    return ledger.enqueue(lane, type, body, operations, change)
  })
  desk.wake()
  return item
}
