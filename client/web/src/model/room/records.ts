/** A view as named records, so that storing after an event writes only what changed. */

import { type Bytes, b64u, concat, parseUtf8 } from "../../base/bytes.ts"
import { u64 } from "../../base/tls.ts"
import { closedGroup } from "../../mls/mls.ts"
import { jcs } from "../../protocol/canonical.ts"
import { ID } from "../../protocol/events.ts"
import { bytes, type Field, list, number, struct, text } from "../../protocol/fields.ts"
import { HASH_SIZE } from "../../protocol/ids.ts"
import { pack, unpack } from "../../protocol/msgpack.ts"
import { encodeFrontier, parseFrontier } from "../../protocol/record/merkle.ts"
import { CLEAR } from "../../protocol/room/clear_form.ts"
import { jsonOf, type RoomState } from "../../protocol/room/state.ts"
import { DAMAGED, StoreError } from "../store/seal.ts"
import { type EndedEpoch, type Presence, type RoomView, type Seen, WINDOW_EVENTS } from "./view.ts"

type Records = Map<string, Bytes | undefined>

const MAX_BYTES = 1 << 28
const MAX_SEATS = 1 << 20
const BLOB = bytes(0, MAX_BYTES)
const SHORT = text(64)

/** Numbers by seat. */
const NUMBERS: Field<ReadonlyMap<string, number>> = {
  read: (reader) =>
    new Map(
      list(struct({ seat: SHORT, number }), 0, MAX_SEATS)
        .read(reader)
        .map((one) => [one.seat, one.number]),
    ),
  write: (numbers) => [...numbers].map(([seat, one]) => [seat, one]),
}

const HEAD = struct({
  room: ID,
  seat: ID,
  seq: number,
  time: number,
  chain: bytes(HASH_SIZE),
  opening: SHORT,
  begin: number,
  chatIntents: NUMBERS,
  seen: NUMBERS,
  recordSize: number,
  record: BLOB,
  presence: SHORT as Field<Presence>,
})

/** Records are our own, and sealed: they are read as they were written. */
const STATE: Field<RoomState> = {
  read: (reader) => JSON.parse(parseUtf8(reader.bytes(0, MAX_BYTES))) as RoomState,
  write: (state) => jcs(jsonOf(state)),
}

const PREVIOUS = list(
  struct({ epoch: BLOB, ratchets: BLOB, state: STATE, opening: SHORT, commit: SHORT }),
  0,
  64,
)

/** Adds to a transaction's records what leads from those of `old` to those of `now`. */
export function noteView(records: Records, old: RoomView | undefined, now: RoomView): void {
  if (old === now) return
  records.set("head", encodeHead(now))
  noteGroup(records, old, now)
  if (now.state !== null && old?.state !== now.state) records.set("state", pack(STATE.write(now.state)))
  if (old?.clear !== now.clear) records.set("clear", pack(CLEAR.write(now.clear)))
  if (old?.previous !== now.previous)
    records.set("previous", now.previous.length === 0 ? undefined : encodePrevious(now.previous))
  noteWindow(records, old, now)
}

const encodeHead = (view: RoomView): Bytes =>
  pack(HEAD.write({ ...view, recordSize: view.record.size, record: encodeFrontier(view.record) }))

function noteGroup(records: Records, old: RoomView | undefined, now: RoomView): void {
  if (old?.mls === now.mls) return
  const stored = now.mls.stored()
  if (old?.mls.mark !== now.mls.mark) records.set("mls/epoch", stored.epoch)
  records.set("mls/ratchets", stored.ratchets)
}

const encodePrevious = (previous: readonly EndedEpoch[]): Bytes =>
  pack(PREVIOUS.write(previous.map((one) => ({ ...one, ...one.mls.stored() }))))

// ---- the window, in blocks: thousands of records would take long to open

const BLOCK = 64
const SEEN_BYTES = 8 + HASH_SIZE + HASH_SIZE + 8 + HASH_SIZE
const BLOCKS = WINDOW_EVENTS / BLOCK + 1

/** The blocks that events since `old` fall into, whole. */
function noteWindow(records: Records, old: RoomView | undefined, now: RoomView): void {
  const newest = old?.window.at(-1)?.seq ?? -1
  const touched = new Set(
    now.window.filter(({ seq }) => seq > newest).map(({ seq }) => Math.floor(seq / BLOCK)),
  )
  for (const block of touched) {
    const entries = now.window.filter(({ seq }) => Math.floor(seq / BLOCK) === block)
    records.set(`window/${block % BLOCKS}`, concat(...entries.map(encodeSeen)))
  }
}

const encodeSeen = (seen: Seen): Bytes =>
  concat(u64(seen.seq), seen.chain, seen.stateHash, u64(seen.recordSize), seen.recordRoot)

function parseSeen(data: Bytes): Seen {
  const numbers = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return {
    seq: Number(numbers.getBigUint64(0)),
    chain: data.slice(8, 40),
    stateHash: data.slice(40, 72),
    recordSize: Number(numbers.getBigUint64(72)),
    recordRoot: data.slice(80, 112),
  }
}

function loadWindow(records: ReadonlyMap<string, Bytes>): readonly Seen[] {
  const rows = [...records].flatMap(([name, value]) => (name.startsWith("window/") ? [value] : []))
  const all = rows.flatMap((row) =>
    Array.from({ length: row.length / SEEN_BYTES }, (_, at) =>
      parseSeen(row.slice(at * SEEN_BYTES, (at + 1) * SEEN_BYTES)),
    ),
  )
  return all.sort((one, other) => one.seq - other.seq).slice(-WINDOW_EVENTS)
}

// ---- loading

/** The view whose records these are. Throws `profile-damaged`. */
export function loadView(records: ReadonlyMap<string, Bytes>): RoomView {
  const record = (name: string): Bytes => records.get(name) ?? damaged()
  const { record: frontier, recordSize, ...head } = unpack(record("head"), HEAD.read)
  const state = records.get("state")
  const previous = records.get("previous")
  return {
    ...head,
    id: b64u(head.room),
    own: b64u(head.seat),
    mls: closedGroup({ epoch: record("mls/epoch"), ratchets: record("mls/ratchets") }),
    state: state === undefined ? null : unpack(state, STATE.read),
    clear: unpack(record("clear"), CLEAR.read),
    previous: previous === undefined ? [] : loadPrevious(previous),
    record: parseFrontier(recordSize, frontier),
    window: loadWindow(records),
  }
}

const loadPrevious = (data: Bytes): readonly EndedEpoch[] =>
  unpack(data, PREVIOUS.read).map(({ commit, epoch, opening, ratchets, state }) => ({
    commit,
    opening,
    state,
    mls: closedGroup({ epoch, ratchets }),
  }))

function damaged(): never {
  throw new StoreError("profile-damaged", DAMAGED)
}
