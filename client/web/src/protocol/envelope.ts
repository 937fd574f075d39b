/** The plaintext of chat and governance events (PROTOCOL.md, section 7). */

import { type Bytes, b64u, concat, equal } from "../base/bytes.ts"
import { hmacSha256 } from "../base/hash.ts"
import { u64 } from "../base/tls.ts"
import { isObject, type JsonObject, type JsonValue, jcs, parseJcs } from "./canonical.ts"
import { LocalProtocolError, RemoteProtocolError } from "./errors.ts"
import { HASH_SIZE, parseB64u } from "./ids.ts"
import { MAX_BODY_BYTES, PADDING_CLASSES } from "./limits.ts"

/** What MLS adds to the content before padding: lengths and a signature, rounded up. */
const OVERHEAD_BYTES = 96
/** The size of a commit's authenticated_data. */
const VIEW_DATA_BYTES = 8 + 32 + 8 + 32 + 32
const MAX_TYPE_CHARS = 32
const MEMBERS = "b i s t v"
const VIEW_MEMBERS = "h n r z"

/**
 * What a sender had verified when it wrote: whoever sees a log otherwise differs here. `chain` and `stateHash` at `seq`;
 * the record's size and root.
 */
export interface View {
  readonly seq: number
  readonly chain: Bytes
  readonly stateHash: Bytes
  readonly recordSize: number
  readonly recordRoot: Bytes
}

/** One event's plaintext: type, body, the sender's intent number and view. */
export interface Envelope {
  readonly type: string
  readonly body: JsonObject
  readonly intent: number
  readonly view: View
}

export const encodeEnvelope = ({ body, intent, type, view }: Envelope): Bytes =>
  jcs({
    b: body,
    i: intent,
    s: {
      h: b64u(view.chain),
      n: view.seq,
      r: [view.recordSize, b64u(view.recordRoot)],
      z: b64u(view.stateHash),
    },
    t: type,
    v: 1,
  })

/** Throws `malformed`. The body is checked by its type, in the fold. */
export function parseEnvelope(data: Uint8Array): Envelope {
  const value = parseJcs(data)
  const { b: body, i: intent, s: view, t: type, v: version } = value
  const isWhole =
    Object.keys(value).join(" ") === MEMBERS && version === 1 && isObject(body) && isObject(view)
  if (!isWhole || !isNumber(intent) || intent < 1 || typeof type !== "string") throw unfit()
  if (type === "" || [...type].length > MAX_TYPE_CHARS) throw unfit()
  return { type, body, intent, view: parseView(view) }
}

function parseView(value: JsonObject): View {
  const { h: chain, n: seq, r: record, z: stateHash } = value
  if (Object.keys(value).join(" ") !== VIEW_MEMBERS || !isNumber(seq) || !Array.isArray(record)) throw unfit()
  const [size, root] = record
  if (record.length !== 2 || !isNumber(size)) throw unfit()
  return {
    seq,
    chain: parseHash(chain),
    stateHash: parseHash(stateHash),
    recordSize: size,
    recordRoot: parseHash(root),
  }
}

const isNumber = (value: JsonValue | undefined): value is number => typeof value === "number" && value >= 0

function parseHash(value: JsonValue | undefined): Bytes {
  if (typeof value !== "string") throw unfit()
  return parseB64u(value, HASH_SIZE)
}

const unfit = () => new RemoteProtocolError("malformed", "An event is not an envelope of version 1.")

// ---- the view of a commit, which stands in clear

/** The view that a commit carries: in place of the state hash a tag of it, under a key of the members. */
export interface TaggedView {
  readonly seq: number
  readonly chain: Bytes
  readonly recordSize: number
  readonly recordRoot: Bytes
  readonly tag: Bytes
}

/** HMAC-SHA-256 of the state hash; the key is MLS-Exporter("backchannel v1 state-hash", "", 32). */
export const stateTag = (stateKey: Uint8Array, stateHash: Uint8Array): Bytes =>
  hmacSha256(stateKey, stateHash)

/** A commit's authenticated_data. */
export const encodeViewData = (view: View, stateKey: Uint8Array): Bytes =>
  concat(u64(view.seq), view.chain, u64(view.recordSize), view.recordRoot, stateTag(stateKey, view.stateHash))

/** The view in a commit's authenticated_data, or undefined where that is none. */
export function parseViewData(data: Uint8Array): TaggedView | undefined {
  if (data.length !== VIEW_DATA_BYTES) return undefined
  const seq = safeU64(data, 0)
  const recordSize = safeU64(data, 40)
  if (seq === undefined || recordSize === undefined) return undefined
  return {
    seq,
    chain: data.slice(8, 40) as Bytes,
    recordSize,
    recordRoot: data.slice(48, 80) as Bytes,
    tag: data.slice(80) as Bytes,
  }
}

export const isTagOf = (tag: Uint8Array, stateKey: Uint8Array, stateHash: Uint8Array): boolean =>
  equal(tag, stateTag(stateKey, stateHash))

function safeU64(data: Uint8Array, at: number): number | undefined {
  const value = Number(new DataView(data.buffer, data.byteOffset).getBigUint64(at))
  return Number.isSafeInteger(value) ? value : undefined
}

// ---- padding

/** To how many bytes the encrypted content of so many bytes is padded. Throws `too-large`. */
export function paddingClass(contentBytes: number): number {
  const needed = contentBytes + OVERHEAD_BYTES
  const size = PADDING_CLASSES.find((one) => one >= needed && one <= MAX_BODY_BYTES)
  if (size === undefined)
    throw new LocalProtocolError("too-large", "The message is too long. Send it in parts.")
  return size
}
