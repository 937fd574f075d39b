/** Who knocks and what is proposed, as the page shows it. Pure. */

import { actForm, actsOf, awaited, mayApprove } from "../../protocol/room/admission.ts"
import { type Act, facilitatorsOf, type RoomState } from "../../protocol/room/state.ts"
import type { Knocking, ProposalLine } from "../contract.ts"
import { missingOf, waitingAtDoors } from "./at_doors.ts"

/** Who waits at the room's doors, whichever facilitator opened them. */
export function knockingOf(
  state: RoomState,
  notes: Parameters<typeof waitingAtDoors>[1],
  own: string,
  nowS: number,
): readonly Knocking[] {
  return [...waitingAtDoors(state, notes)].flatMap(([mailbox, { act, words }]) => {
    const { name, party, role, seat } = act
    const [first, second, third] = words
    if (seat === undefined || name === undefined || role === undefined) return []
    if (first === undefined || second === undefined || third === undefined) return []
    const now = { ...act, rule_version: state.admission.version }
    return [
      {
        mailbox,
        seat,
        name,
        role,
        party,
        words: [first, second, third],
        ...opinionOf(state, now, own, nowS),
      },
    ]
  })
}

/**
 * What was approved by some and still lacks approvals, of which this seat may approve; who knocks aside, whom
 * facilitators see at the doors.
 */
export function proposalsOf(state: RoomState, own: string, nowS: number): readonly ProposalLine[] {
  const isFacilitating = facilitatorsOf(state).some(([id]) => id === own)
  return actsOf(state)
    .filter((act) => !(isFacilitating && act.act === "add"))
    .filter((act) => mayApprove(state, own, act) && awaited(state, act, nowS) !== undefined)
    .map((act) => ({
      act: act.act,
      seat: act.seat,
      role: act.role,
      party: act.party,
      by: givenTo(state, act),
      ...opinionOf(state, act, own, nowS),
    }))
}

const opinionOf = (state: RoomState, act: Act, own: string, nowS: number) => ({
  isApproved: givenTo(state, act).includes(own),
  missing: missingOf(state, act, nowS).map(([, name]) => name),
})

/** Who approved it. */
const givenTo = (state: RoomState, act: Act): readonly string[] =>
  Object.values(state.approvals)
    .filter((one) => actForm(one.act) === actForm(act))
    .map((one) => one.by)
