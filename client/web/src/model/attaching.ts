/** Files that go with a message: made clean, encrypted and kept, before anything leaves; and fetched again. */

import { b64u, randomBytes } from "../base/bytes.ts"
import { parseRead, type Verb } from "../protocol/blob_requests.ts"
import { openPart, PART_CONTENT_BYTES, partCount, sealPart } from "../protocol/blobs.ts"
import { RemoteProtocolError } from "../protocol/errors.ts"
import { ID_SIZE, parseB64u } from "../protocol/ids.ts"
import { MAX_ATTACHMENTS, MAX_BLOB_BYTES } from "../protocol/limits.ts"
import type { Attachment } from "../protocol/room/attachments.ts"
import { MAX_MESSAGE_CHARS, mayWrite } from "../protocol/room/timeline.ts"
import { BlobHost } from "./connection/blobs.ts"
import type { Draft, Fetched, FileWish } from "./contract.ts"
import { type Desk, nowOf, requireAccepted } from "./desk.ts"
import { ClientError, NotAllowed, ServerRefused } from "./errors.ts"
import { fileNameOf, mediaTypeOf, pictureIn } from "./files.ts"
import { newChange } from "./ledger.ts"
import { DRAFT } from "./notes.ts"
import { cleaned } from "./pictures.ts"
import { dropUpload, noteUpload, partName, type Upload } from "./uploads.ts"

/** So many parts are stored in one transaction. */
const PARTS_AT_ONCE = 4
const KEY_BYTES = 32
const PAUSE_MS = 2_000
const MOST_PAUSES = 30

/** Throws what `send` throws, and `attachment-size`, `picture-unclean`, `device-full`. */
export async function attach(desk: Desk, draft: Draft, files: readonly FileWish[]): Promise<void> {
  const { ledger } = desk
  if (!mayWrite(requireAccepted(desk).seat)) throw new NotAllowed("role-forbids")
  if ([...draft.text].length > MAX_MESSAGE_CHARS || !draft.text.isWellFormed())
    throw new NotAllowed("message-size")
  if (files.length > MAX_ATTACHMENTS || files.some(({ content }) => content.size > MAX_BLOB_BYTES))
    throw new NotAllowed("attachment-size")
  let upload = await begin(desk, draft)
  try {
    for (const file of files) {
      const content = await cleaned(file)
      const attachment = attachmentOf(file, content)
      upload = { ...upload, attachments: [...upload.attachments, attachment] }
      await note(desk, upload) // first, so that a reload finds which parts are whose
      await sealInto(desk, attachment, content.bytes)
    }
    await note(desk, { ...upload, isWhole: true })
  } catch (error) {
    const change = newChange()
    dropUpload(change, upload)
    await ledger.alone(() => ledger.store(change))
    throw isQuota(error) ? new ClientError("device-full") : error
  }
  desk.wake()
}

const isQuota = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "QuotaExceededError"

function begin({ ledger, ...desk }: Desk, draft: Draft): Promise<Upload> {
  return ledger.alone(async () => {
    if (ledger.stopped !== undefined) throw ledger.stopped
    const change = newChange()
    const place = ledger.newPlace(change)
    const time = nowOf({ ledger, ...desk })
    const upload = { place, draft, attachments: [], isWhole: false, failure: "", time }
    noteUpload(change, upload)
    await ledger.store(change)
    return upload
  })
}

/** What is whole takes the draft's place, in one transaction. */
const note = ({ ledger }: Desk, upload: Upload): Promise<void> =>
  ledger.alone(() => {
    const change = newChange({ dropNotes: new Set(upload.isWhole ? [DRAFT] : []) })
    noteUpload(change, upload)
    return ledger.store(change)
  })

type Cleaned = Awaited<ReturnType<typeof cleaned>>

function attachmentOf(file: FileWish, { bytes, type }: Cleaned): Attachment {
  if (bytes.length > MAX_BLOB_BYTES) throw new NotAllowed("attachment-size")
  return {
    blob: b64u(randomBytes(ID_SIZE)),
    key: b64u(randomBytes(KEY_BYTES)),
    size: bytes.length,
    name: fileNameOf(file.name),
    type: mediaTypeOf(type),
  }
}

async function sealInto(
  { ledger }: Desk,
  { blob, key, size }: Attachment,
  content: Uint8Array,
): Promise<void> {
  const count = partCount(size)
  for (let first = 0; first < count; first += PARTS_AT_ONCE) {
    const change = newChange()
    for (let number = first; number < Math.min(first + PARTS_AT_ONCE, count); number++) {
      const from = number * PART_CONTENT_BYTES
      const part = await sealPart(
        parseB64u(key),
        size,
        number,
        content.subarray(from, from + PART_CONTENT_BYTES),
      )
      change.parts.set(partName(blob, number), part)
    }
    await ledger.alone(() => ledger.store(change))
  }
}

/** Told how much is here, from 0 to 1. Throws `attachment-altered`, ServerRefused, ServerUnreachable. */
export async function fetchAttachment(
  desk: Desk,
  message: string,
  at: number,
  tell: (done: number) => void,
): Promise<Fetched> {
  const attachment = desk.ledger.message(message)?.attachments?.[at]
  if (attachment === undefined) throw new NotAllowed("unknown-blob")
  const { blob, key, size } = attachment
  const host = new BlobHost(desk.ledger, desk.clock)
  const content = new Uint8Array(size)
  const count = partCount(size)
  for (let number = 0; number < count; number++) {
    const part = await patiently(() => host.ask("read" satisfies Verb, parseB64u(blob), number, parseRead))
    try {
      content.set(await openPart(parseB64u(key), size, number, part), number * PART_CONTENT_BYTES)
    } catch (error) {
      throw error instanceof RemoteProtocolError ? new ClientError("attachment-altered") : error
    }
    tell((number + 1) / count)
  }
  return { content, picture: pictureIn(content) }
}

/** A server that has much to do is asked again. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let pauses = 0; ; pauses++)
    try {
      return await ask()
    } catch (error) {
      const isBusy = error instanceof ServerRefused && error.code === "too-fast"
      if (!isBusy || pauses === MOST_PAUSES) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
}
