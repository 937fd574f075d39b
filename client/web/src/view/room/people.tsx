/** Who is who in the open room: names, parties with their letters, roles in words. */

import type { MemberLine, RoomNow } from "../../model/contract.ts"
import type { Role } from "../../protocol/room/state.ts"
import { words } from "../words/language.ts"
import type { History } from "./history.ts"

const TONES = 6

export interface Party {
  readonly id: string
  readonly name: string
  readonly letter: string
  readonly tone: number
}

/** A party of this room; its letter is its short name, or how its name begins. */
export function partyOf(now: RoomNow, id: string | undefined | null): Party | undefined {
  const at = now.state?.parties.findIndex((one) => one.id === id) ?? -1
  const found = now.state?.parties[at]
  if (found === undefined) return undefined
  const short = found.id.length <= 2 ? found.id : ([...found.name][0] ?? "")
  return { ...found, letter: short.toLocaleUpperCase(), tone: at % TONES }
}

export const memberOf = (now: RoomNow, seat: string): MemberLine | undefined =>
  now.members.find((one) => one.seat === seat)

/** Also of who is gone. */
export const nameOf = (now: RoomNow, history: History, seat: string): string =>
  memberOf(now, seat)?.name ?? history.nameOf(seat) ?? words.value.common.unknownPerson

/** "participant, party B: Coastal Union". */
export function described(now: RoomNow, role: Role, party: string | undefined | null): string {
  const { common, roles } = words.value
  const side = partyOf(now, party)
  return side === undefined ? roles[role] : common.roleFor(roles[role], common.party(side.letter, side.name))
}

export const isFacilitator = (now: RoomNow): boolean => now.role === "facilitator" && !now.isOver

/** A party's letter in its colour; of nobody's party, how the name begins. */
export function Badge({ party, name }: { readonly party: Party | undefined; readonly name: string }) {
  return (
    <span class={party === undefined ? "badge" : `badge tone-${party.tone}`} aria-hidden="true">
      {party?.letter ?? [...name][0] ?? ""}
    </span>
  )
}
