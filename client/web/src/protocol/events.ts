/** The events of a room's log, and the drafts that become events (PROTOCOL.md, sections 3 to 5). */

import type { Bytes } from "../base/bytes.ts"
import { digest } from "./canonical.ts"
import { bytes, type Field, number, numberBetween, orNil, struct, type Value } from "./fields.ts"
import { ID_SIZE } from "./ids.ts"
import { MAX_BODY_BYTES } from "./limits.ts"
import { malformed } from "./msgpack.ts"

export const ID = bytes(ID_SIZE)
export const KEY = bytes(32)
/** An entry of the record (PROTOCOL.md, section 13). */
const LEAF = bytes(33)
const BODY = bytes(1, MAX_BODY_BYTES)

export const EventKind = { CHAT: 1, GOVERNANCE: 2, COMMIT: 3, CONTROL: 4, ANONYMOUS: 5 } as const
export type EventKind = (typeof EventKind)[keyof typeof EventKind]

const KIND = numberBetween(1, 5) as Field<EventKind>
/** Whose bodies retention takes; the others are kept for the room's life. */
const PURGED: readonly EventKind[] = [EventKind.CHAT, EventKind.ANONYMOUS]

const ANY_EVENT = struct(
  {
    seq: number,
    time: number,
    seat: ID,
    kind: KIND,
    id: ID,
    epoch: number,
    body: orNil(BODY),
    leaf: orNil(LEAF),
    bodyHash: orNil(bytes(32)),
  },
  7,
)

/**
 * One event of the log. `body` is null where retention took it, and then `bodyHash` stands for it; `leaf` is the event's
 * entry in the record, where it has one.
 */
export type LogEvent = Value<typeof ANY_EVENT>

/** A body is there, or its hash is. */
export const LOG_EVENT: Field<LogEvent> = {
  read: (reader) => {
    const event = ANY_EVENT.read(reader)
    return (event.body === null) === (event.bodyHash !== null) ? event : malformed()
  },
  write: ANY_EVENT.write,
}

/** Whether an event lacks a body that no retention takes (section 3): the log is not whole without it. */
export const isWithheld = ({ body, kind }: LogEvent): boolean => body === null && !PURGED.includes(kind)

/** What a seat wants to become an event. `opening` is the id of the commit that opened `epoch`. */
export const DRAFT = struct(
  { id: ID, kind: KIND, epoch: number, opening: ID, body: BODY, leaf: orNil(LEAF) },
  5,
)
/** @public */
export type Draft = Value<typeof DRAFT>

/** H(body), 32 bytes, whether the body is there or not. */
export const hashOfBody = (event: LogEvent): Bytes =>
  event.body === null ? (event.bodyHash ?? new Uint8Array(32)) : digest(event.body)
