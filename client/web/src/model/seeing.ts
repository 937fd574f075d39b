/** What this person has seen: known here at once, told to the others now and then. */

import { parseUtf8, utf8 } from "../base/bytes.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { SEEN, SEEN_TOLD } from "./notes.ts"

/** How often the others are told at most. */
export const SEEN_MS = 3000

/** Up to which seq this person has seen everything. */
export const seenHere = (ledger: Ledger): number =>
  Math.max(ledger.view.seen.get(ledger.view.own) ?? 0, numberIn(ledger, SEEN))

/** The person has seen everything up to that seq. */
export const noteSeen = (ledger: Ledger, seq: number): Promise<void> =>
  ledger.alone(async () => {
    const upTo = Math.min(seq, ledger.view.seq)
    if (upTo > seenHere(ledger))
      await ledger.store(newChange({ notes: new Map([[SEEN, utf8(String(upTo))]]) }))
  })

/** Whether the others are still to be told. */
export function isSeenDue(ledger: Ledger): boolean {
  const { own, seen, state } = ledger.view
  const seat = state?.seats[own]
  if (state === null || seat === undefined || seat.accepted < state.rules.version) return false
  if (state.closed !== null || [...ledger.items.values()].some((item) => item.type === "seen")) return false
  return seenHere(ledger) > Math.max(seen.get(own) ?? 0, numberIn(ledger, SEEN_TOLD))
}

/** One word for all that was seen since the last; never the same twice, whatever becomes of it. */
export const tellSeen = (ledger: Ledger): Promise<void> =>
  ledger.alone(async () => {
    if (!isSeenDue(ledger)) return
    const seq = seenHere(ledger)
    const told = newChange({ notes: new Map([[SEEN_TOLD, utf8(String(seq))]]) })
    await ledger.enqueue("chat", "seen", { seq }, [], told)
  })

/** Messages of others beyond what this person has seen. */
export function unreadOf(ledger: Ledger): number {
  const upTo = seenHere(ledger)
  const { own } = ledger.view
  let unread = 0
  for (let at = ledger.entries.length - 1; at >= 0; at--) {
    const entry = ledger.entries[at]
    if (entry === undefined || (entry.seq !== 0 && entry.seq <= upTo)) break
    if (entry.kind === "message" && entry.seat !== own && entry.text !== undefined) unread += 1
  }
  return unread
}

function numberIn({ notes }: Ledger, name: string): number {
  const note = notes.get(name)
  return note === undefined ? 0 : Number(parseUtf8(note))
}
