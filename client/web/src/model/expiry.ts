/**
 * When what was said is over, and how it leaves this device (PROTOCOL.md, sections 3 and 7).
 *
 * A message's time is over with its own `until`, with the room's retention, or, where the room says "after reading", when
 * everybody who had it has seen it. Then its text goes, from the page and from the profile.
 */

import type { Exposure } from "../protocol/room/timeline.ts"
import { giveUp } from "./giving_up.ts"
import { encodeItem, type Item, parseItem } from "./items.ts"
import { type Change, type Failure, type Ledger, newChange, parseFailure } from "./ledger.ts"
import { FAILED, OLD } from "./notes.ts"
import type { MessageEntry } from "./room/entries.ts"
import type { RoomView } from "./room/view.ts"
import { dropUpload, uploadsIn } from "./uploads.ts"

/** How long a text may stay after its time, while the profile is open. */
export const SWEEP_MS = 5000

/** Takes what is over from the profile: messages, and words that were never sent. */
export const sweep = (ledger: Ledger, now: number): Promise<void> =>
  ledger.alone(async () => {
    const change = whatIsOver(ledger, now)
    if (change.expired.size + change.notes.size + change.dropNotes.size + change.dropItems.size > 0)
      await ledger.store(change)
  })

function whatIsOver(ledger: Ledger, now: number): Change {
  const change = newChange()
  for (const entry of ledger.entries)
    if (entry.kind === "message" && entry.text !== undefined && isOver(ledger.view, entry, now))
      change.expired.add(entry.id)
  for (const item of ledger.waiting()) {
    const until = untilOf(item)
    if (until > 0 && now >= until) giveUp(change, ledger.view, withoutWords(item), "until-over")
  }
  forgetFailures(ledger, change, now)
  const retention = ledger.view.state?.retention.seconds ?? 0
  for (const upload of uploadsIn(ledger))
    if (retention > 0 && now >= upload.time + retention) dropUpload(change, upload)
  return change
}

function isOver(view: RoomView, message: MessageEntry, now: number): boolean {
  const { until } = message.exposure
  if (until > 0 && now >= until) return true
  if (view.state === null) return false
  const { after_reading, seconds } = view.state.retention
  return (seconds > 0 && now >= message.time + seconds) || (after_reading && isRead(view, message))
}

/** Whether everybody who was there has seen it. Bots do not say what they have seen. */
function isRead({ seen, state }: RoomView, message: MessageEntry): boolean {
  const readers = Object.entries(state?.seats ?? {}).filter(
    ([id, seat]) => id !== message.seat && seat.since <= message.seq && seat.role !== "bot",
  )
  return readers.length > 0 && readers.every(([id]) => (seen.get(id) ?? 0) >= message.seq)
}

/** Words that will not be sent are kept for their author, and no longer than sent ones. */
function forgetFailures({ notes, view }: Ledger, change: Change, now: number): void {
  const retention = view.state?.retention.seconds ?? 0
  const over = new Set<number>()
  for (const [name, note] of notes) {
    if (!name.startsWith(FAILED) || !isFailureOver(parseFailure(note), retention, now)) continue
    change.dropNotes.add(name)
    over.add(Number(name.slice(FAILED.length)))
  }
  if (over.size === 0) return
  for (const [name, note] of notes) {
    const item = name.startsWith(OLD) ? parseItem(note) : undefined
    if (item !== undefined && over.has(item.place)) change.notes.set(name, encodeItem(withoutWords(item)))
  }
}

function isFailureOver({ item, time }: Failure, retention: number, now: number): boolean {
  const until = untilOf(item)
  return (until > 0 && now >= until) || (retention > 0 && now >= time + retention)
}

/** Of a message that was written here; 0 where it is for as long as the room says. */
function untilOf({ body, type }: Item): number {
  const exposure = type === "message" ? (body.exposure as Exposure | undefined) : undefined
  return exposure?.until ?? 0
}

const withoutWords = (item: Item): Item => ({ ...item, body: {} })
