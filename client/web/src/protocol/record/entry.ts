/**
 * Leaves of the record: a commitment to each act that must stay provable (PROTOCOL.md, section 13).
 *
 * A leaf says nothing to who does not have r. Members derive r from their epoch; whoever is given r and the content, by any
 * member, can check that the act stands in the record.
 */

import { type Bytes, b64u, concat, utf8 } from "../../base/bytes.ts"
import { hmacSha256 } from "../../base/hash.ts"
import { u8 } from "../../base/tls.ts"
import { digest, type JsonObject, jcs, label } from "../canonical.ts"
import type { Operation } from "../operations.ts"

const VERSION = 1
const PREFIX = utf8("room-commit-v1\0")

/** The type of a governance event, and what its entry is called. */
const TYPES = new Map([
  ["genesis", "genesis"],
  ["rules", "rules"],
  ["admission", "rules"],
  ["retention", "rules"],
  ["history", "rules"],
  ["role", "roster"],
  ["inbox", "key-rotate"],
  ["close", "transcript-close"],
  ["disclose", "disclose"],
])

/** The leaf of an entry, 33 bytes; r is MLS-Exporter("backchannel v1 record", event id, 32). */
export const leafOf = (r: Uint8Array, content: Uint8Array): Bytes =>
  concat(u8(VERSION), hmacSha256(r, concat(PREFIX, content)))

/** What the entry of a governance event says; undefined where it has none. */
export function governanceContent(
  room: Uint8Array,
  type: string,
  body: JsonObject,
  sender: Uint8Array,
): Bytes | undefined {
  const name = TYPES.get(type)
  return name === undefined
    ? undefined
    : contentOf(room, name, { act: b64u(digest(jcs(body))), type, seat: b64u(sender) })
}

/** What the entry of an operation in clear says; undefined where it has none. */
export function operationContent(room: Uint8Array, operation: Operation): Bytes | undefined {
  switch (operation.type) {
    case "SeatAdd":
      return contentOf(room, "admit", { seat: b64u(operation.seat), key: b64u(operation.seatKey) })
    case "SeatRemove":
      return contentOf(room, "leave", { seat: b64u(operation.seat) })
    case "VoidCommit":
      return contentOf(room, "void-commit", { commit: b64u(operation.commit) })
    default:
      return undefined
  }
}

/** The r of a VoidCommit: who skipped a commit and who took it have no epoch in common. */
export const openRandomness = (event: Uint8Array): Bytes => digest(concat(label("record"), event))

const contentOf = (room: Uint8Array, name: string, members: JsonObject): Bytes =>
  jcs({ room: b64u(room), t: name, v: 1, ...members })
