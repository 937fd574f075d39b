/** Operations in clear as members see them: does the server know what the room knows (PROTOCOL.md, section 6)? */

import { b64u } from "../../base/bytes.ts"
import { type Operation, parseOperation } from "../operations.ts"
import { type FoldCode, refuse } from "./refusals.ts"
import { type At, facilitatorsOf, type RoomState } from "./state.ts"

/**
 * The state after an operation; and where it does not fit the room, the code that members are shown.
 *
 * `isObeyed` says whether the server takes operations of this seat. It obeys what does not fit, too, so the state keeps
 * what it was told of a seat's bit in any case. Throws FoldRefusal where an honest server would not have written the event
 * at all.
 */
export function decideOperation(
  state: RoomState,
  at: At,
  body: Uint8Array,
  isObeyed: boolean,
): { readonly state: RoomState; readonly unfit: FoldCode | undefined } {
  if (!isObeyed) refuse("role-forbids")
  const operation = readOperation(body)
  const isFacilitator = facilitatorsOf(state).some(([id]) => id === at.sender)
  const unfit = fits(state, operation) ? undefined : ("operations-unfit" as const)
  const told =
    operation.type === "SeatSet"
      ? withBits(state, new Map([[b64u(operation.seat), operation.mayFacilitate]]))
      : state
  return { state: told, unfit: isFacilitator ? unfit : "role-forbids" }
}

function readOperation(body: Uint8Array): Operation {
  try {
    return parseOperation(body)
  } catch {
    return refuse("body-malformed")
  }
}

/** With what the server was told of seats that are in the room. */
export const withBits = (state: RoomState, bits: ReadonlyMap<string, boolean>): RoomState => ({
  ...state,
  seats: Object.fromEntries(
    Object.entries(state.seats).map(([id, seat]) => [
      id,
      { ...seat, operates: bits.get(id) ?? seat.operates },
    ]),
  ),
})

function fits(state: RoomState, operation: Operation): boolean {
  switch (operation.type) {
    case "SeatSet": {
      const seat = state.seats[b64u(operation.seat)]
      return seat !== undefined && operation.mayFacilitate === (seat.role === "facilitator")
    }
    case "Mute":
      return operation.until === 0
    case "Policy":
      return (
        operation.slowModeS === 0 &&
        operation.pausedUntil === 0 &&
        operation.retentionS === state.retention.seconds &&
        operation.afterReading === state.retention.after_reading
      )
    case "InvitationOpen":
      return state.invitations[b64u(operation.mailbox)]?.expires === operation.expires
    case "InvitationClose":
      return state.invitations[b64u(operation.mailbox)] === undefined
    case "Close":
      return state.closed !== null
    case "SeatAdd":
    case "SeatRemove":
    case "VoidCommit":
      return true // judged with the commit behind it, or from the clear log
  }
}
