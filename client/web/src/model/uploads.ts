/** Messages whose attachments are on their way to the server, as they are kept. */

import { type Bytes, parseUtf8, utf8 } from "../base/bytes.ts"
import { partCount } from "../protocol/blobs.ts"
import type { Attachment } from "../protocol/room/attachments.ts"
import type { Draft } from "./contract.ts"
import { type Change, type Ledger, newChange } from "./ledger.ts"
import { UNBLOB, UPLOAD } from "./notes.ts"

/** A message that goes into the outbox when the server has its attachments. */
export interface Upload {
  readonly place: number
  readonly draft: Draft
  readonly attachments: readonly Attachment[]
  /** False while the files are being encrypted: what a reload finds so never was. */
  readonly isWhole: boolean
  /** Why it will not be tried again by itself; empty where it will. */
  readonly failure: string
  readonly time: number
}

const nameOf = ({ place }: Upload): string => `${UPLOAD}${place}`

export const noteUpload = (change: Change, upload: Upload): void =>
  void change.notes.set(nameOf(upload), utf8(JSON.stringify(upload)))

const parseUpload = (note: Bytes): Upload => JSON.parse(parseUtf8(note)) as Upload

/** In order. */
export const uploadsIn = ({ notes }: Pick<Ledger, "notes">): readonly Upload[] =>
  [...notes]
    .flatMap(([name, note]) => (name.startsWith(UPLOAD) ? [parseUpload(note)] : []))
    .sort((one, other) => one.place - other.place)

export const uploadAt = ({ notes }: Pick<Ledger, "notes">, place: number): Upload | undefined => {
  const note = notes.get(`${UPLOAD}${place}`)
  return note && parseUpload(note)
}

/** A part of a blob, as the profile names it. */
export const partName = (blob: string, number: number): string => `${blob}/${number}`

/** Adds that an upload and its parts are no longer kept. */
export function dropUpload(change: Change, upload: Upload): void {
  change.dropNotes.add(nameOf(upload))
  for (const { blob, size } of upload.attachments)
    for (let number = 0; number < partCount(size); number++)
      change.parts.set(partName(blob, number), undefined)
}

/** Adds that the server shall delete blobs of the own seat. */
export function deleteBlobs(change: Change, attachments: readonly Attachment[]): void {
  for (const { blob } of attachments) change.notes.set(UNBLOB + blob, new Uint8Array())
}

/** What was not whole when the page went: the words are still in the composer, and the files where they were. */
export const dropUnwhole = (ledger: Ledger): Promise<void> =>
  ledger.alone(async () => {
    const change = newChange()
    for (const upload of uploadsIn(ledger)) if (!upload.isWhole) dropUpload(change, upload)
    if (change.dropNotes.size > 0) await ledger.store(change)
  })

/** Tries again what failed; there is nothing where it was taken away meanwhile. */
export const uploadAgain = (ledger: Ledger, place: number): Promise<void> =>
  ledger.alone(async () => {
    const upload = uploadAt(ledger, place)
    if (upload === undefined) return
    const change = newChange()
    noteUpload(change, { ...upload, failure: "" })
    await ledger.store(change)
  })
