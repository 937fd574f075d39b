/** Where a client stops: another log, another room, another self (PROTOCOL.md, sections 3, 7 and 8). */

import { type Bytes, equal } from "../../base/bytes.ts"
import { isTagOf, parseViewData, type View } from "../../protocol/envelope.ts"
import type { LogEvent } from "../../protocol/events.ts"
import { Stopped } from "../errors.ts"
import { stateKeyOf } from "./leaves.ts"
import { hereOf, type RoomView, type Seen, seenAt } from "./view.ts"

/** Why a room stops here for good. */
export type StopCode =
  /** The server left out a part of the log. */
  | "log-gap"
  /** The server's clock went back within the log. */
  | "log-time"
  /** The server lost a part of the log that this device has seen. */
  | "log-shorter"
  /** The server shows members different logs. */
  | "log-differs"
  /** A member's device has computed another room. */
  | "state-differs"
  /** The server withholds an event that it must keep. */
  | "body-withheld"
  /** The server altered what this device sent. */
  | "own-altered"
  /** There is an event of this seat that this device did not send. */
  | "own-unknown"
  /** The facilitators took back a change that this device can no longer undo. */
  | "void-late"
  /** The room's public record is another than its log. */
  | "record-differs"
  /** The server is not the one of the invitation. */
  | "record-key"

export function stop(code: StopCode): never {
  throw new Stopped(code)
}

/** The next event, and not earlier than the last (section 3). Throws Stopped. */
export function checkOrder(view: RoomView, event: LogEvent): void {
  if (event.seq !== view.seq + 1) stop("log-gap")
  if (event.time < view.time) stop("log-time")
}

/** What a member says that it had verified is what was verified here (section 7). Throws Stopped. */
export function checkView(view: RoomView, event: LogEvent, said: View): void {
  const known = knownAt(view, event, said.seq)
  if (known === undefined) return
  if (!equal(known.chain, said.chain)) stop("log-differs")
  if (!equal(known.stateHash, said.stateHash)) stop("state-differs")
  checkRecord(known, said.recordSize, said.recordRoot)
}

/** The record, now that it is so large, has the root that the server signed before (section 13). Throws Stopped. */
export function checkPromised(view: RoomView, promised: ReadonlyMap<number, Bytes>): void {
  const { recordRoot, recordSize } = hereOf(view)
  if (!equal(promised.get(recordSize) ?? recordRoot, recordRoot)) stop("record-differs")
}

/**
 * The same for a commit, whose view stands in clear. False where it is not a view at all; throws Stopped.
 */
export async function checkAuthenticatedData(
  view: RoomView,
  event: LogEvent,
  data: Uint8Array,
): Promise<boolean> {
  const said = parseViewData(data)
  if (said === undefined) return false
  const known = knownAt(view, event, said.seq)
  if (known === undefined) return true
  if (!equal(known.chain, said.chain)) stop("log-differs")
  if (!isTagOf(said.tag, await stateKeyOf(view.mls), known.stateHash)) stop("state-differs")
  checkRecord(known, said.recordSize, said.recordRoot)
  return true
}

function checkRecord(known: Seen, size: number, root: Bytes): void {
  if (known.recordSize !== size || !equal(known.recordRoot, root)) stop("record-differs")
}

/** Nobody has verified an event that comes later than what they write. */
function knownAt(view: RoomView, event: LogEvent, seq: number): Seen | undefined {
  if (seq >= event.seq) stop("log-differs")
  return seenAt(view, seq)
}
