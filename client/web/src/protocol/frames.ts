/** Frames: what a client and a server say to each other (PROTOCOL.md, section 4). */

import { type Bytes, concat } from "../base/bytes.ts"
import { u16 } from "../base/tls.ts"
import { RemoteProtocolError } from "./errors.ts"
import { DRAFT, ID, KEY, LOG_EVENT } from "./events.ts"
import { boolean, bytes, list, number, numberBetween, orNil, struct, text, type Value } from "./fields.ts"
import {
  MAX_DRAFTS,
  MAX_EVENTS_A_FRAME,
  MAX_FRAME_BYTES,
  MAX_MAIL_BYTES,
  MAX_SENTENCE_CHARS,
} from "./limits.ts"
import { encodeTagged, type OneOf, parseTagged } from "./tagged.ts"

const VERSION = numberBetween(0, 0xffff)
const CODE = text(64)
const SENTENCE = text(MAX_SENTENCE_CHARS)
export const NOTE = text(16_384)
export const SEALED = bytes(1, MAX_MAIL_BYTES)

/** Where a draft came to stand in the log. */
const PLACED = struct({ id: ID, seq: number, time: number })
/** @public */
export type Placed = Value<typeof PLACED>

export const MAIL = {
  number: 9,
  fields: { mailbox: ID, step: numberBetween(1, 4), sealed: SEALED },
} as const

const CLIENT_FRAMES = {
  Attach: {
    number: 2,
    fields: { version: VERSION, room: ID, seat: ID, cursor: number, signature: bytes(64) },
  },
  Submit: { number: 5, fields: { drafts: list(DRAFT, 1, MAX_DRAFTS) } },
  Cursor: { number: 8, fields: { seq: number } },
  Mail: MAIL,
} as const

const SERVER_FRAMES = {
  Hello: {
    number: 1,
    fields: { versions: list(VERSION, 1, 16), nonce: KEY, recordKey: KEY, time: number },
  },
  Attached: {
    number: 3,
    fields: { head: number, epoch: number, opening: ID, floor: number, time: number, checkpoint: NOTE },
  },
  Events: { number: 4, fields: { events: list(LOG_EVENT, 0, MAX_EVENTS_A_FRAME), live: boolean } },
  Ack: { number: 6, fields: { placed: list(PLACED, 1, MAX_DRAFTS) } },
  Refused: {
    number: 7,
    fields: {
      id: orNil(ID),
      code: CODE,
      sentence: SENTENCE,
      cause: orNil(number),
      retryAfterS: orNil(number),
    },
    required: 3,
  },
  Mail: MAIL,
  Checkpoint: { number: 10, fields: { note: NOTE } },
  Bye: { number: 11, fields: { code: CODE, sentence: SENTENCE } },
} as const

export type ClientFrame = OneOf<typeof CLIENT_FRAMES>
export type ServerFrame = OneOf<typeof SERVER_FRAMES>

export const encodeClientFrame = (frame: ClientFrame): Bytes => encodeTagged(CLIENT_FRAMES, frame)

/** A frame from a client. Throws `malformed`, `too-large`. */
export const parseClientFrame = (data: Uint8Array): ClientFrame => parseTagged(CLIENT_FRAMES, checked(data))

export const encodeServerFrame = (frame: ServerFrame): Bytes => encodeTagged(SERVER_FRAMES, frame)

/** A frame from a server. Throws `malformed`, `too-large`. */
export const parseServerFrame = (data: Uint8Array): ServerFrame => parseTagged(SERVER_FRAMES, checked(data))

function checked(data: Uint8Array): Uint8Array {
  if (data.length > MAX_FRAME_BYTES) throw new RemoteProtocolError("too-large")
  return data
}

/** What an Attach signs, under the label `attach`. The cursor is the seat's own affair. */
export const attachContent = (
  version: number,
  nonce: Uint8Array,
  room: Uint8Array,
  seat: Uint8Array,
  recordKeyPrint: Uint8Array,
): Bytes => concat(u16(version), nonce, room, seat, recordKeyPrint)
