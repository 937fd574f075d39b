/** Doing what the room's state asks of this seat's client: duties become items of the outbox. */

import { b64u, parseUtf8, utf8 } from "../../base/bytes.ts"
import { parseB64u } from "../../protocol/ids.ts"
import type { Act } from "../../protocol/room/state.ts"
import { EMPTY_ITEM, type Item, isPath, isVoiding, type Plan } from "../items.ts"
import { type Ledger, newChange } from "../ledger.ts"
import { INVITE, KNOCK, PARTY_RULE, PATH } from "../notes.ts"
import {
  actsDue,
  isDisclosureDue,
  isGivenUp,
  isPartyRuleDue,
  isPathDue,
  isStillWanted,
  plansDue,
  voidDue,
} from "./duties.ts"
import { declineRevoked, packagesOf, publish } from "./knocks.ts"

/** Writes down what is due; `isConfirming`: somebody came in, and waits for our word on the state. */
export const doDuties = (ledger: Ledger, nowS: number, isConfirming: boolean): Promise<void> =>
  ledger.alone(async () => {
    await askVoiding(ledger)
    await renew(ledger, nowS)
    for (const plan of plansDue(ledger.view, packagesOf(ledger.notes), nowS))
      if (!isPlanned(ledger, plan.seat)) await ledger.enqueuePlain({ ...EMPTY_ITEM, plan })
    for (const act of actsDue(ledger.view, nowS)) await doAct(ledger, act)
    await setPartyRule(ledger)
    await publish(ledger)
    await declineRevoked(ledger)
    await closeUsed(ledger)
    await disclose(ledger)
    await confirm(ledger, isConfirming)
  })

/** Whether this seat has to renew its keys before it writes on. */
export function isRenewalDue(ledger: Ledger, nowS: number): boolean {
  const isWriting = hasItem(ledger, (item) => item.lane === "chat")
  const note = ledger.notes.get(PATH)
  return isPathDue(ledger.view, note === undefined ? 0 : nowS - Number(parseUtf8(note)), isWriting)
}

/** Whether a planned commit has still something to do. */
export const isWanted = (ledger: Ledger, plan: Plan, nowS: number): boolean =>
  plan.isPath ? isRenewalDue(ledger, nowS) : isStillWanted(ledger.view, plan)

const hasItem = (ledger: Ledger, holds: (item: Item) => boolean): boolean =>
  [...ledger.items.values()].some(holds)

const isPlanned = (ledger: Ledger, seat: string): boolean =>
  hasItem(ledger, ({ plan }) => plan?.seat === seat)

async function askVoiding(ledger: Ledger): Promise<void> {
  const due = voidDue(ledger.view)
  if (due !== undefined && !hasItem(ledger, isVoiding)) await ledger.enqueuePlain(due)
}

async function renew(ledger: Ledger, nowS: number): Promise<void> {
  if (!ledger.notes.has(PATH)) await ledger.store(newChange({ notes: new Map([[PATH, utf8(String(nowS))]]) }))
  if (!isRenewalDue(ledger, nowS) || hasItem(ledger, isPath)) return
  const plan = { seat: ledger.view.own, package: null, mailbox: null, isPath: true }
  await ledger.enqueuePlain({ ...EMPTY_ITEM, plan })
}

/** A change that has its approvals, unless it waits in the outbox already. */
async function doAct(ledger: Ledger, act: Act): Promise<void> {
  const type = act.act === "rule" ? "admission" : "role"
  if (hasItem(ledger, (item) => item.type === type)) return
  if (act.act === "rule") {
    await ledger.enqueue("governance", type, { rule: act.admission ?? "any" })
    return
  }
  const { party = null, role, seat = "" } = act
  const known = ledger.view.state?.seats[seat]
  if (known === undefined || role === undefined) return
  const mayFacilitate = role === "facilitator"
  const told = { type: "SeatSet", act: null, seat: parseB64u(seat), mayFacilitate } as const
  const operations = known.operates === mayFacilitate ? [] : [told]
  await ledger.enqueue("governance", type, { seat, role, party }, operations)
}

/** What was wished of the admission rule, when the room takes it. */
async function setPartyRule(ledger: Ledger): Promise<void> {
  if (!ledger.notes.has(PARTY_RULE)) return
  if (ledger.view.state?.admission.rule === "party")
    await ledger.store(newChange({ dropNotes: new Set([PARTY_RULE]) }))
  else if (isPartyRuleDue(ledger.view) && !hasItem(ledger, (item) => item.type === "admission"))
    await ledger.enqueue("governance", "admission", { rule: "party" })
}

/** From now on everybody in the room could have written what this seat wrote. */
async function disclose(ledger: Ledger): Promise<void> {
  if (!isDisclosureDue(ledger.view) || hasItem(ledger, (item) => item.type === "disclose")) return
  await ledger.enqueue("governance", "disclose", { leaf: b64u(ledger.keys.leafKey) })
}

/** What was kept of an invitation goes when it led somebody in for good. */
async function closeUsed(ledger: Ledger): Promise<void> {
  const { previous, state } = ledger.view
  if (state === null || previous.length > 0) return
  const over = [...packagesOf(ledger.notes).values()].filter(({ seat }) => Object.hasOwn(state.seats, seat))
  if (over.length === 0) return
  const gone = over.flatMap(({ mailbox }) => [`${KNOCK}${mailbox}`, `${INVITE}${mailbox}`])
  await ledger.store(newChange({ dropNotes: new Set(gone) }))
}

/** Says that this seat is there, or what it has of the room's state, unless it says something anyway. */
async function confirm(ledger: Ledger, isConfirming: boolean): Promise<void> {
  const isSpeaking = isGivenUp(ledger.view)
    ? hasItem(ledger, (item) => item.lane === "governance" && item.type !== "")
    : !isConfirming || ledger.items.size > 0
  if (!isSpeaking) await ledger.enqueue("governance", "confirm", {})
}
