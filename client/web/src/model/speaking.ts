/** Speaking in a room: messages, retractions, what was seen. */

import { utf8 } from "../base/bytes.ts"
import type { JsonObject } from "../protocol/canonical.ts"
import type { Attachment } from "../protocol/room/attachments.ts"
import { type Exposure, MAX_MESSAGE_CHARS, mayWrite } from "../protocol/room/timeline.ts"
import type { Draft } from "./contract.ts"
import { type Desk, enqueue, nowOf, requireAccepted } from "./desk.ts"
import { NotAllowed } from "./errors.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { DRAFT, FAILED } from "./notes.ts"
import { noteSeen } from "./seeing.ts"
import { deleteBlobs, dropUpload, uploadAgain as tryAgain, uploadAt } from "./uploads.ts"

/** Nothing in the composer. */
export const EMPTY_DRAFT: Draft = { text: "", quotable: "no", keepS: 0, replyTo: undefined }

/**
 * Writes a message, which takes the draft's place in one transaction. When this returns it is stored and will be sent,
 * whatever happens. Throws NotAllowed: `message-size`, `role-forbids`, and what the room as it is forbids.
 */
export async function send(desk: Desk, draft: Draft): Promise<void> {
  const { text } = draft
  const { seat } = requireAccepted(desk)
  if (!mayWrite(seat)) throw new NotAllowed("role-forbids")
  const size = [...text].length
  if (size === 0 || size > MAX_MESSAGE_CHARS || !text.isWellFormed()) throw new NotAllowed("message-size")
  const change = newChange({ dropNotes: new Set([DRAFT]) })
  await enqueue(desk, "chat", "message", messageBody(draft, nowOf(desk), []), [], change)
}

/** What is said, as it is sent at that time. */
export function messageBody(
  { keepS, quotable, replyTo, text }: Draft,
  nowS: number,
  attachments: readonly Attachment[],
): JsonObject {
  const exposure: Exposure = { audience: "room", quotable, until: keepS > 0 ? nowS + keepS : 0 }
  return {
    text,
    exposure: { ...exposure },
    ...(replyTo !== undefined && { reply_to: replyTo }),
    ...(attachments.length > 0 && { attachments: attachments.map((one) => ({ ...one })) }),
  }
}

/** Takes an own message back: its text goes, a mark stays. Throws `not-the-author`. */
export async function retract(desk: Desk, message: string): Promise<void> {
  const said = desk.ledger.message(message)
  if (said?.seat !== desk.ledger.view.own) throw new NotAllowed("not-the-author")
  requireAccepted(desk)
  const change = newChange()
  deleteBlobs(change, said.attachments ?? [])
  await enqueue(desk, "chat", "retract", { event: message }, [], change)
}

/** The person has seen everything up to that seq. */
export async function seen(desk: Desk, seq: number): Promise<void> {
  await noteSeen(desk.ledger, seq)
  desk.wake()
}

/** What stands in the composer is there again when the page is opened again. */
export const keepDraft = ({ ledger }: Desk, draft: Draft): Promise<void> =>
  ledger.alone(() => {
    const notes = new Map([[DRAFT, utf8(JSON.stringify(draft))]])
    const isEmpty = JSON.stringify(draft) === JSON.stringify(EMPTY_DRAFT)
    return ledger.store(isEmpty ? newChange({ dropNotes: new Set([DRAFT]) }) : newChange({ notes }))
  })

/** Takes what failed out of the outbox's list, or what is still being uploaded: what of it left goes too. */
export async function dismiss({ ledger, wake }: Desk, place: number): Promise<void> {
  await ledger.alone(() => {
    const change = newChange({ dropNotes: new Set([`${FAILED}${place}`]) })
    const attachments = attachmentsAt(ledger, place)
    deleteBlobs(change, attachments)
    const upload = uploadAt(ledger, place)
    if (upload !== undefined) dropUpload(change, upload)
    return ledger.store(change)
  })
  wake()
}

/** Of an upload, or of a message that failed. */
const attachmentsAt = (ledger: Ledger, place: number): readonly Attachment[] =>
  uploadAt(ledger, place)?.attachments ??
  (ledger.failure(place)?.item.body.attachments as readonly Attachment[] | undefined) ??
  []

export async function uploadAgain({ ledger, wake }: Desk, place: number): Promise<void> {
  await tryAgain(ledger, place)
  wake()
}
