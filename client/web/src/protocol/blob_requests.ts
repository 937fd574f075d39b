/** What is asked about blobs over HTTP, and answered (PROTOCOL.md, section 12a): msgpack arrays, signed with the seat key. */

import { type Bytes, concat } from "../base/bytes.ts"
import { u8, u64 } from "../base/tls.ts"
import { digest } from "./canonical.ts"
import { ID } from "./events.ts"
import { bytes, list, number, numberBetween, struct } from "./fields.ts"
import { fingerprint, sign } from "./keys.ts"
import { MAX_BLOB_PARTS, MAX_PART_BYTES } from "./limits.ts"
import { type Packable, pack, unpack } from "./msgpack.ts"

const ABOUT = { room: ID, seat: ID, blob: ID, time: number, signature: bytes(64) }
const NUMBER = numberBetween(0, MAX_BLOB_PARTS - 1)
const PART = bytes(1, MAX_PART_BYTES)

export type Verb = "begin" | "part" | "read" | "delete"
const VERBS: readonly Verb[] = ["begin", "part", "read", "delete"]

/** By verb: what stands behind what every request begins with. */
const SHAPES = {
  begin: struct({ ...ABOUT, size: number }),
  part: struct({ ...ABOUT, number: NUMBER, body: PART }),
  read: struct({ ...ABOUT, number: NUMBER }),
  delete: struct(ABOUT),
} as const

/** What is asked: of `begin` the number is the size, of the others a part's. */
export interface Asked {
  readonly verb: Verb
  readonly room: Bytes
  readonly seat: Bytes
  readonly blob: Bytes
  readonly time: number
  readonly number: number
  readonly body: Bytes
}

/** Who asks: the seat, and the server's record key, which the signature is for. */
export interface Asking {
  readonly seatKey: Bytes
  readonly recordKey: Bytes
}

/** What is signed, behind the label. */
export const blobContent = (asked: Asked, recordKey: Bytes): Bytes =>
  concat(
    fingerprint(recordKey),
    asked.room,
    asked.seat,
    asked.blob,
    u8(VERBS.indexOf(asked.verb) + 1),
    u64(asked.number),
    digest(asked.body),
    u64(asked.time),
  )

export async function encodeAsked(asked: Asked, { recordKey, seatKey }: Asking): Promise<Bytes> {
  const signature = await sign(seatKey, "blob", blobContent(asked, recordKey))
  const shape = SHAPES[asked.verb] as { write: (value: object) => Packable }
  return pack(shape.write({ ...asked, size: asked.number, signature }))
}

const BEGUN = struct({ stands: list(NUMBER, 0, MAX_BLOB_PARTS) })
const PUT = struct({ missing: numberBetween(0, MAX_BLOB_PARTS) })
const READ = struct({ body: PART })

/** Which parts the server has. Throws `malformed`, as the next two. */
export const parseBegun = (data: Uint8Array): readonly number[] => unpack(data, BEGUN.read).stands
/** How many parts are missing. */
export const parsePut = (data: Uint8Array): number => unpack(data, PUT.read).missing
export const parseRead = (data: Uint8Array): Bytes => unpack(data, READ.read).body
