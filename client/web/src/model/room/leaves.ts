/** What members derive from an epoch: the record's entry of each event (PROTOCOL.md, section 13), and the state key. */

import { type Bytes, equal, utf8 } from "../../base/bytes.ts"
import type { Group } from "../../mls/mls.ts"
import { bytes, struct, type Value } from "../../protocol/fields.ts"
import { pack } from "../../protocol/msgpack.ts"
import type { Operation } from "../../protocol/operations.ts"
import { governanceContent, leafOf, openRandomness, operationContent } from "../../protocol/record/entry.ts"
import type { Said } from "../../protocol/room/state.ts"
import { mls } from "./membership.ts"

const RECORD_LABEL = "backchannel v1 record"
const STATE_KEY_LABEL = "backchannel v1 state-hash"
const SECRET_BYTES = 32

const ENTRY = struct({ randomness: bytes(SECRET_BYTES), content: bytes(0, 1 << 20) })

/** What a leaf commits to: whoever is given both can check that the act stands in the record. */
export type RecordEntry = Value<typeof ENTRY>

export const encodeRecordEntry = (entry: RecordEntry): Bytes => pack(ENTRY.write(entry))

/** The entry of a governance event that stands in the epoch of `group`; undefined where it has none. */
export async function governanceEntry(
  group: Group,
  room: Bytes,
  event: Bytes,
  said: Said,
  sender: Bytes,
): Promise<RecordEntry | undefined> {
  const content = governanceContent(room, said.type, said.body, sender)
  return content === undefined ? undefined : { randomness: await randomnessOf(group, event), content }
}

/** The entry of an operation in clear; undefined where it has none. */
export async function operationEntry(
  group: Group,
  room: Bytes,
  event: Bytes,
  operation: Operation,
): Promise<RecordEntry | undefined> {
  const content = operationContent(room, operation)
  if (content === undefined) return undefined
  const isOpen = operation.type === "VoidCommit"
  return { randomness: isOpen ? openRandomness(event) : await randomnessOf(group, event), content }
}

/** What stands beside the event. */
export const leafOfEntry = (entry: RecordEntry | undefined): Bytes | null =>
  entry === undefined ? null : leafOf(entry.randomness, entry.content)

/** Whether an event has the leaf that it must have, or none where it may have none. */
export function leafFits(entry: RecordEntry | undefined, leaf: Bytes | null): boolean {
  const wanted = leafOfEntry(entry)
  return wanted === null || leaf === null ? wanted === leaf : equal(wanted, leaf)
}

/** The key under which a commit's authenticated_data tells the state hash (section 7). */
export const stateKeyOf = (group: Group): Promise<Bytes> =>
  mls.exportSecret(group, STATE_KEY_LABEL, utf8(""), SECRET_BYTES)

const randomnessOf = (group: Group, event: Bytes): Promise<Bytes> =>
  mls.exportSecret(group, RECORD_LABEL, event, SECRET_BYTES)
