/** What stands in the profile's table of rooms: a room, or what may become one. */

import type { Bytes } from "../../base/bytes.ts"
import { bytes, type Field, struct, text, type Value } from "../../protocol/fields.ts"
import { pack, unpack } from "../../protocol/msgpack.ts"

/** `room`: one that this profile is in; `making`: one that was asked for; `knock`: a door; `host`: a server's link. */
export type RowKind = "room" | "making" | "knock" | "host"

const MAX_ROW_BYTES = 1 << 20
const ROW = struct({ kind: text(16), content: bytes(0, MAX_ROW_BYTES) })

export type Row = Value<typeof ROW>

/** Private keys and tokens stand in it in clear: the profile seals it. */
export const encodeRow = <T>(kind: RowKind, field: Field<T>, value: T): Bytes =>
  pack(ROW.write({ kind, content: pack(field.write(value)) }))

export const parseRow = (data: Uint8Array): Row => unpack(data, ROW.read)

export const contentOf = <T>(row: Row, field: Field<T>): T => unpack(row.content, field.read)
