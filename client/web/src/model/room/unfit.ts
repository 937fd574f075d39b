/** What members are told where the server was told something that does not fit the room (section 6). */

import { b64u } from "../../base/bytes.ts"
import type { LogEvent } from "../../protocol/events.ts"
import { type Operation, parseOperation } from "../../protocol/operations.ts"
import type { FoldCode } from "../../protocol/room/refusals.ts"
import type { NewEntry } from "./entries.ts"

const NAMES: Readonly<Record<Operation["type"], string>> = {
  SeatAdd: "seat-add",
  SeatRemove: "seat-remove",
  SeatSet: "seat-set",
  Mute: "mute",
  Policy: "policy",
  InvitationOpen: "invitation-open",
  InvitationClose: "invitation-close",
  VoidCommit: "void-commit",
  Close: "close",
}

/** The server has obeyed all the same. Nobody is let in by it, and everybody sees who it was. */
export const operationUnfit = (event: LogEvent, code: FoldCode): NewEntry => ({
  kind: "unfit",
  seq: event.seq,
  time: event.time,
  seat: b64u(event.seat),
  operation: nameOf(event),
  code,
})

function nameOf(event: LogEvent): string {
  try {
    return NAMES[parseOperation(event.body ?? new Uint8Array()).type]
  } catch {
    return "unknown"
  }
}
