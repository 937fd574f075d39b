/** What became of each invitation. Pure. */

import { type Bytes, parseUtf8 } from "../../base/bytes.ts"
import type { JsonObject } from "../../protocol/canonical.ts"
import { linkOf, parseFragment } from "../../protocol/link.ts"
import { parseBody } from "../../protocol/room/bodies.ts"
import type { Invited, RoomState } from "../../protocol/room/state.ts"
import type { Entry, InvitationLine, InvitationStage } from "../contract.ts"
import { INVITE, LED } from "../notes.ts"
import { waitingAtDoors } from "./at_doors.ts"

type Governed = Extract<Entry, { readonly kind: "governed" }>

/** What is known of a room, by which invitations are judged. */
export interface Known {
  readonly entries: readonly Entry[]
  readonly state: RoomState
  readonly notes: ReadonlyMap<string, Bytes>
  /** The server's address, for links. */
  readonly url: string
}

/** All invitations that this seat knows of, the newest last. */
export function invitationsOf(known: Known, nowS: number): readonly InvitationLine[] {
  const { entries, notes, state } = known
  const told = entries.filter((entry): entry is Governed => entry.kind === "governed")
  const made = new Map(told.filter((entry) => entry.type === "invite").map(invitedBy))
  const earlier = Object.entries(state.invitations).filter(([mailbox]) => !made.has(mailbox))
  const revoked = new Set(told.filter((entry) => entry.type === "revoke").map(({ body }) => body.mailbox))
  const knocking = waitingAtDoors(state, notes)
  return [...earlier, ...made].map(([mailbox, invited]) => {
    const led = nameOf(known, mailbox)
    const stage = stageOf(known, mailbox, invited, { led, revoked, isKnocking: knocking.has(mailbox) }, nowS)
    return {
      mailbox,
      role: invited.role,
      party: invited.party ?? undefined,
      expires: invited.expires,
      by: invited.by,
      stage,
      name: led ?? knocking.get(mailbox)?.act.name,
      link: stage === "not-opened" ? linkAt(known, mailbox) : undefined,
    }
  })
}

/** An invitation as the fold took it. */
function invitedBy({ body, seat }: Governed): readonly [string, Invited] {
  const { mailbox, ...offered } = parseBody("invite", body as JsonObject)
  return [mailbox, { ...offered, by: seat }]
}

interface Found {
  readonly led: string | undefined
  readonly revoked: ReadonlySet<unknown>
  readonly isKnocking: boolean
}

function stageOf(
  { state }: Known,
  mailbox: string,
  { expires }: Invited,
  { isKnocking, led, revoked }: Found,
  nowS: number,
): InvitationStage {
  if (led !== undefined) return "admitted"
  if (revoked.has(mailbox) || (state.closed !== null && expires > nowS)) return "revoked"
  if (!Object.hasOwn(state.invitations, mailbox) || expires <= nowS) return "expired"
  return isKnocking ? "waiting" : "not-opened"
}

/** Of whom an invitation led in. */
function nameOf({ notes, state }: Known, mailbox: string): string | undefined {
  const note = notes.get(LED + mailbox)
  const seat = note && parseUtf8(note)
  if (seat === undefined) return undefined
  return state.seats[seat]?.name ?? state.past?.find((one) => one.seat === seat)?.name
}

/** The whole link, where this device made it. */
function linkAt({ notes, url }: Known, mailbox: string): string | undefined {
  const fragment = notes.get(INVITE + mailbox)
  return fragment && linkOf(parseFragment(parseUtf8(fragment)), url)
}
