/** Checkpoints (C2SP tlog-checkpoint) as signed notes (C2SP signed-note) with Ed25519 signatures. */

import { type Bytes, b64u, base64, concat, equal, parseBase64, utf8 } from "../../base/bytes.ts"
import { verifyExactly } from "../../base/ed25519.ts"
import { sha256 } from "../../base/hash.ts"
import { u8 } from "../../base/tls.ts"
import { RemoteProtocolError } from "../errors.ts"
import { HASH_SIZE } from "../ids.ts"

const ED25519 = 1
const MAX_SIGNATURES = 16
const KEY_ID_SIZE = 4

/** The state of a log: its origin, how many entries it has, and their root hash. */
export interface CheckpointBody {
  readonly origin: string
  readonly size: number
  readonly root: Bytes
}

/** The origin line of a room's log, which is also the name of the key that signs it. */
export const originOf = (room: Uint8Array): string => `backchannel/${b64u(room)}`

/** The checkpoint in a note that the log's key signed. Throws `malformed`, `bad-signature`. */
export function verifyCheckpoint(note: string, origin: string, publicKey: Uint8Array): CheckpointBody {
  const [text, signatures] = split(note)
  const body = parseBody(text)
  if (body.origin !== origin) throw new RemoteProtocolError("malformed", "The checkpoint is another log's.")
  const keyId = sha256(concat(utf8(`${origin}\n`), u8(ED25519), publicKey)).subarray(0, KEY_ID_SIZE)
  const signature = signatures.find((one) => one.name === origin && equal(one.keyId, keyId))
  if (signature === undefined || !verifyExactly(publicKey, utf8(text), signature.signature))
    throw new RemoteProtocolError("bad-signature", "The checkpoint is not signed with the record's key.")
  return body
}

interface NoteSignature {
  readonly name: string
  readonly keyId: Bytes
  readonly signature: Bytes
}

/** The text that is signed, with its last newline, and the signatures. */
function split(note: string): readonly [string, readonly NoteSignature[]] {
  const end = note.indexOf("\n\n")
  const rows = note.slice(end + 2).split("\n")
  const isWhole = end >= 0 && rows.pop() === "" && rows.length >= 1 && rows.length <= MAX_SIGNATURES
  if (!isWhole) throw notANote()
  return [note.slice(0, end + 1), rows.map(parseSignature)]
}

function parseSignature(row: string): NoteSignature {
  const [dash, name, encoded, ...more] = row.split(" ")
  const blob = parseBase64(encoded ?? "")
  if (dash !== "—" || name === undefined || encoded === undefined || blob === undefined || more.length > 0)
    throw notANote()
  return { name, keyId: blob.slice(0, KEY_ID_SIZE), signature: blob.slice(KEY_ID_SIZE) }
}

function parseBody(text: string): CheckpointBody {
  const [origin, size, root, ...more] = text.split("\n")
  const hash = parseBase64(root ?? "")
  if (origin === undefined || size === undefined || hash?.length !== HASH_SIZE || more.join() !== "")
    throw notANote()
  const body = { origin, size: Number(size), root: hash }
  const isCanonical = Number.isSafeInteger(body.size) && body.size >= 0 && encodeBody(body) === text
  if (!isCanonical) throw notANote()
  return body
}

const encodeBody = (body: CheckpointBody): string => `${body.origin}\n${body.size}\n${base64(body.root)}\n`

const notANote = () => new RemoteProtocolError("malformed", "The checkpoint is not a signed note.")
