/**
 * What of a room a bot's program is handed: its scope, which everybody sees (PROTOCOL.md, section 9).
 *
 * The bot's keys could read all. Nothing is kept of what its scope does not name: neither on screen nor in the profile.
 */

import type { Scope } from "../../protocol/room/state.ts"
import type { Fact } from "./entries.ts"
import type { AuthorOf } from "./speech.ts"
import type { RoomView } from "./view.ts"

/** The facts that the own seat may have: all of them, unless it is a bot of a narrower scope. */
export function withinScope(
  { own, state }: RoomView,
  facts: readonly Fact[],
  authorOf: AuthorOf,
): readonly Fact[] {
  const seat = state?.seats[own]
  const scope = seat?.scope ?? null
  if (seat === undefined || scope === null || scope.reads === "all") return facts
  return facts.filter((fact) => isIn(own, seat.name, scope, fact, authorOf))
}

function isIn(own: string, name: string, { reads }: Scope, fact: Fact, authorOf: AuthorOf): boolean {
  if (fact.kind === "retracted") return authorOf(fact.message) !== undefined
  if (fact.kind !== "message" || fact.seat === own) return true
  if (reads === "none") return false
  const answers = fact.replyTo !== undefined && authorOf(fact.replyTo) === own
  return answers || beginsWithName(fact.text ?? "", name)
}

/** Whether a message begins with @name, and not with a longer one. */
function beginsWithName(text: string, name: string): boolean {
  const called = `@${name}`.toLowerCase()
  const [behind] = text.toLowerCase().slice(called.length)
  return text.toLowerCase().startsWith(called) && !/[\p{L}\p{N}]/u.test(behind ?? "")
}
