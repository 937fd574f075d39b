/**
 * Whether a commit is taken back: judged from the clear log alone (PROTOCOL.md, section 8), so that server and members
 * cannot differ. Identifiers are base64url.
 */

import { EventKind } from "../events.ts"

/** The commit that opened the room's epoch, as the clear log tells of it. */
export interface Opening {
  readonly commit: string
  readonly author: string
  /** The room's epoch and `opening` before the commit, which voiding brings back. */
  readonly epoch: number
  readonly before: string
  /** The seats of the SeatAdd and SeatRemove that stood directly before it. */
  readonly added: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
  /** Whether an event came of which `isUse` says so. */
  readonly used: boolean
  /** The seats whose VoidCommit of it was taken and had no effect yet. */
  readonly asked: ReadonlySet<string>
}

/** What a VoidCommit does: nothing, and it is refused; it counts as asked for; it takes effect. */
export type Verdict = "refused" | "asked" | "voided"

/** Whether an event of the epoch that the commit opened uses it: no operation, and by somebody else. */
export const isUse = (opening: Opening, kind: EventKind, seat: string): boolean =>
  kind !== EventKind.CONTROL && seat !== opening.author && !opening.added.has(seat)

/** Who may ask for voiding. `withBit`: the seats of the room that may facilitate now. */
export function askersOf(opening: Opening, withBit: Iterable<string>): ReadonlySet<string> {
  const others = [...withBit].filter(
    (seat) => seat !== opening.author && !opening.added.has(seat) && !opening.removed.has(seat),
  )
  return new Set(others.length > 0 ? others : [opening.author])
}

/** What VoidCommit(`commit`) by `sender` does. `opening` undefined: no commit opened the epoch. */
export function judgeVoid(
  opening: Opening | undefined,
  withBit: Iterable<string>,
  commit: string,
  sender: string,
): Verdict {
  if (opening?.commit !== commit) return "refused"
  const mayAsk = askersOf(opening, withBit)
  if (!mayAsk.has(sender)) return "refused"
  if (!opening.used) return "voided"
  const asked = [...new Set([...opening.asked, sender])].filter((seat) => mayAsk.has(seat))
  return asked.length * 2 > mayAsk.size ? "voided" : "asked"
}

/**
 * Whether the server takes a commit: while somebody asks for voiding, from askers alone. Else two who spoil commits could
 * always put another one on top before the others have asked.
 *
 * @public
 */
export function mayCommit(opening: Opening | undefined, withBit: Iterable<string>, sender: string): boolean {
  if (opening === undefined) return true
  const mayAsk = askersOf(opening, withBit)
  return mayAsk.has(sender) || ![...opening.asked].some((seat) => mayAsk.has(seat))
}
