/** Speaking in a room: messages, retractions, what was seen. */

import { utf8 } from "../base/bytes.ts"
import { type Exposure, MAX_MESSAGE_CHARS, mayWrite } from "../protocol/room/timeline.ts"
import type { Draft } from "./contract.ts"
import { type Desk, enqueue, nowOf, requireAccepted } from "./desk.ts"
import { NotAllowed } from "./errors.ts"
import { newChange } from "./ledger.ts"
import { DRAFT, FAILED } from "./notes.ts"
import { noteSeen } from "./seeing.ts"

/** Nothing in the composer. */
export const EMPTY_DRAFT: Draft = { text: "", quotable: "no", keepS: 0, replyTo: undefined }

/**
 * Writes a message, which takes the draft's place in one transaction. When this returns it is stored and will be sent,
 * whatever happens. Throws NotAllowed: `message-size`, `role-forbids`, and what the room as it is forbids.
 */
export async function send(desk: Desk, { keepS, quotable, replyTo, text }: Draft): Promise<void> {
  const { seat } = requireAccepted(desk)
  if (!mayWrite(seat)) throw new NotAllowed("role-forbids")
  const size = [...text].length
  if (size === 0 || size > MAX_MESSAGE_CHARS || !text.isWellFormed()) throw new NotAllowed("message-size")
  const exposure: Exposure = { audience: "room", quotable, until: keepS > 0 ? nowOf(desk) + keepS : 0 }
  const body = { text, exposure: { ...exposure }, ...(replyTo !== undefined && { reply_to: replyTo }) }
  const change = newChange({ dropNotes: new Set([DRAFT]) })
  await enqueue(desk, "chat", "message", body, [], change)
}

/** Takes an own message back: its text goes, a mark stays. Throws `not-the-author`. */
export async function retract(desk: Desk, message: string): Promise<void> {
  if (desk.ledger.message(message)?.seat !== desk.ledger.view.own) throw new NotAllowed("not-the-author")
  requireAccepted(desk)
  await enqueue(desk, "chat", "retract", { event: message })
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

/** Takes what failed out of the outbox's list. */
export const dismiss = ({ ledger }: Desk, place: number): Promise<void> =>
  ledger.alone(() => ledger.store(newChange({ dropNotes: new Set([`${FAILED}${place}`]) })))
