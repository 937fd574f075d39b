/** Bodies of HTTP requests and answers (PROTOCOL.md, section 12): msgpack arrays, as frames are. */

import type { Bytes } from "../base/bytes.ts"
import { ID, KEY } from "./events.ts"
import { bytes, list, number, numberBetween, orNil, struct, type Value } from "./fields.ts"
import { MAIL, NOTE, SEALED } from "./frames.ts"
import { MAX_MAIL_LETTERS } from "./limits.ts"
import { pack, unpack } from "./msgpack.ts"
import { type OneOf, tagged } from "./tagged.ts"

/** @public */
export const MEDIA_TYPE = "application/msgpack"

/** POST /v1/rooms: the room, its first seat, and that seat's key. */
const CREATE_ROOM = struct({ room: ID, seat: ID, seatKey: KEY })
/** Its answer: the server's record key, and the empty record's checkpoint. */
const ROOM_CREATED = struct({ recordKey: KEY, checkpoint: NOTE })
/** POST /v1/mail: an invitee's piece of mail (`step` 1 or 3), or a look into the mailbox (0). */
const KNOCK = struct({
  mailbox: ID,
  step: numberBetween(0, 3),
  sealed: orNil(SEALED),
  claimKey: orNil(KEY),
  time: number,
  signature: bytes(64),
})
/** Its answer: what facilitators put into the mailbox, in order. */
const MAIL_SO_FAR = struct({ letters: list(tagged({ Mail: MAIL }), 0, MAX_MAIL_LETTERS) })

export type CreateRoom = Value<typeof CREATE_ROOM>
export type RoomCreated = Value<typeof ROOM_CREATED>
export type Knock = Value<typeof KNOCK>
export type Letter = OneOf<{ Mail: typeof MAIL }>

export const encodeCreateRoom = (body: CreateRoom): Bytes => pack(CREATE_ROOM.write(body))

/** Throws `malformed`. */
export const parseRoomCreated = (data: Uint8Array): RoomCreated => unpack(data, ROOM_CREATED.read)

export const encodeKnock = (body: Knock): Bytes => pack(KNOCK.write(body))

/** Throws `malformed`. */
export const parseMailSoFar = (data: Uint8Array): readonly Letter[] => unpack(data, MAIL_SO_FAR.read).letters
