/** What will not be sent any more. */

import type { Bytes } from "../base/bytes.ts"
import { type Attempt, encodeItem, type Item, isSilent } from "./items.ts"
import { type Change, encodeFailure } from "./ledger.ts"
import { FAILED, OLD } from "./notes.ts"
import type { RoomView } from "./room/view.ts"

/** Adds that an item will not be sent, or counts for nobody. What people wrote is kept, and they are told. */
export function giveUp(change: Change, view: RoomView, item: Item, code: string): void {
  change.dropItems.add(item.place)
  if (item.type === "") return
  noteOld(change, item, item.attempts)
  if (isSilent(item)) return
  change.notes.set(`${FAILED}${item.place}`, encodeFailure({ item, code, time: view.time }))
  change.facts.push({ kind: "failed", seq: 0, time: view.time, seat: view.own, place: item.place, code })
}

/** Ciphertexts that are over are noted: a server that writes one all the same doubles nothing. */
export function noteOld(change: Change, item: Item, attempts: readonly Attempt[]): void {
  if (attempts.length === 0) return
  const kept: Bytes = encodeItem({ ...item, attempts, submit: null })
  for (const { drafts } of attempts) for (const { id } of drafts) change.notes.set(OLD + id, kept)
}
