/**
 * The end of a closed room on this device: its keys go, what was said stays (PROTOCOL.md, section 9).
 *
 * Keys that open nothing take the place of the room's, so that what is kept has the shape that it had.
 */

import { giveUp } from "./giving_up.ts"
import { type Change, type Ledger, newChange } from "./ledger.ts"
import { INVITE, KNOCK, LETTER, OLD } from "./notes.ts"
import { generateSeatKeys, newMemberOf } from "./room/keys.ts"
import { mls } from "./room/membership.ts"
import type { RoomView } from "./room/view.ts"

/** How long who has disclosed waits for the others. */
const ENDING_S = 7 * 24 * 3600
/** After how long the server has nothing of a closed room any more. */
const GONE_S = 30 * 24 * 3600
const SPENT = [INVITE, KNOCK, LETTER, OLD]

/** Erases the keys of a room that is over; whether it did so now. */
export const endRoom = (ledger: Ledger, now: number): Promise<boolean> =>
  ledger.alone(async () => {
    if (!isOver(ledger, now)) return false
    await ledger.store(await ended(ledger, now))
    return true
  })

/** Whether nothing is left to do with the keys. */
function isOver(ledger: Ledger, now: number): boolean {
  const { own, presence, state } = ledger.view
  if (state === null || state.closed === null || presence !== "present") return false
  const age = now - closedAt(ledger)
  const isQuiet =
    (state.disclosed ?? []).includes(own) && (silentIn(ledger.view).length === 0 || age >= ENDING_S)
  return age >= GONE_S || isQuiet
}

/** The names of those who have not disclosed. */
const silentIn = ({ state }: RoomView): readonly string[] =>
  Object.entries(state?.seats ?? {})
    .filter(([id]) => !(state?.disclosed ?? []).includes(id))
    .map(([, seat]) => seat.name)

/** When the room was closed; a joiner's first entry is older than that. */
function closedAt({ entries, view }: Ledger): number {
  return entries.find((entry) => entry.kind === "governed" && entry.type === "close")?.time ?? view.time
}

async function ended(ledger: Ledger, now: number): Promise<Change> {
  const { about, keys, notes, view } = ledger
  const blankKeys = { ...(await generateSeatKeys(keys.suite)), seat: keys.seat }
  const blank = await mls.create(view.room, newMemberOf(blankKeys, now))
  const { own: seat, seq, time } = view
  const change = newChange({
    view: { ...view, mls: blank, previous: [], presence: "ended" },
    about: { ...about, keys: blankKeys },
    dropItems: new Set(ledger.items.keys()),
    dropNotes: new Set([...notes.keys()].filter((name) => SPENT.some((kind) => name.startsWith(kind)))),
    facts: [{ kind: "ended", seq, time, seat, missing: silentIn(view) }],
  })
  // words that came too late are kept for their author
  for (const item of ledger.waiting())
    if (item.type === "message") giveUp(change, view, { ...item, attempts: [], submit: null }, "room-closed")
  return change
}
