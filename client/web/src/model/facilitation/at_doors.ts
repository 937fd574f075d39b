/** Who knocks: as this device keeps it, and as the room knows it. Pure. */

import { type Bytes, parseUtf8, utf8 } from "../../base/bytes.ts"
import { jcs, parseJcs } from "../../protocol/canonical.ts"
import { KEY } from "../../protocol/events.ts"
import {
  boolean,
  bytes,
  type Field,
  list,
  numberBetween,
  orNil,
  struct,
  text,
  type Value,
} from "../../protocol/fields.ts"
import { SEALED } from "../../protocol/frames.ts"
import { MAX_MAIL_BYTES } from "../../protocol/limits.ts"
import { unpack } from "../../protocol/msgpack.ts"
import { awaited, partiesAwaited } from "../../protocol/room/admission.ts"
import { type Act, jsonOf, act as parseAct, type RoomState } from "../../protocol/room/state.ts"
import { KNOCK } from "../notes.ts"

const ACT: Field<Act> = {
  read: (reader) => parseAct(parseJcs(utf8(reader.text(1 << 20)))),
  write: (value) => parseUtf8(jcs(jsonOf(value))),
}

/**
 * How far the conversation is. `act` (what an approval approves; its expiry and rule version are set when it is given)
 * and `package` are there after the reveal. `words`: the three words' numbers. `isPublished`: whether the other
 * facilitators were told. `told`: the parties of which the invitee knows that it waits for them.
 */
export const KNOCKED = struct({
  commitment: KEY,
  challenge: KEY,
  sealedChallenge: SEALED,
  act: orNil(ACT),
  package: orNil(bytes(1, MAX_MAIL_BYTES)),
  words: list(numberBetween(0, 2047), 3, 3),
  isDeclined: boolean,
  isPublished: boolean,
  told: list(text(8), 0, 12),
})
export type Knock = Value<typeof KNOCKED>

/** A knock that was revealed. */
export interface Revealed extends Knock {
  readonly act: Act
  readonly package: Bytes
}

export type Notes = ReadonlyMap<string, Bytes>

/** All knocks, by mailbox. */
const knocksOf = (notes: Notes): readonly (readonly [string, Knock])[] =>
  [...notes].flatMap(([name, note]) =>
    name.startsWith(KNOCK) ? [[name.slice(KNOCK.length), unpack(note, KNOCKED.read)] as const] : [],
  )

const isRevealed = (knock: Knock): knock is Revealed => knock.act !== null && knock.package !== null

/** Those of whom the name is known, by mailbox. */
export const revealedOf = (notes: Notes): readonly (readonly [string, Revealed])[] =>
  knocksOf(notes).flatMap(([mailbox, knock]) => (isRevealed(knock) ? [[mailbox, knock] as const] : []))

/** Somebody at the door, as facilitators know of it. */
export type AtDoor = RoomState["knocks"][string]

/** Who knocks at open invitations, by mailbox: what this client was told, and what all were. */
export function waitingAtDoors(state: RoomState, notes: Notes): ReadonlyMap<string, AtDoor> {
  const own = revealedOf(notes)
  const here = own.flatMap(([mailbox, { act, words }]) => {
    const invited = state.invitations[mailbox]
    return invited === undefined ? [] : [[mailbox, { act, words, by: invited.by }] as const]
  })
  const declined = new Set(own.filter(([, knock]) => knock.isDeclined).map(([mailbox]) => mailbox))
  const all = new Map([...here, ...Object.entries(state.knocks)])
  return new Map([...all].filter(([mailbox]) => !declined.has(mailbox)))
}

/** The parties (id, name) that somebody has still to approve for. */
export function missingOf(
  state: RoomState,
  act: Act,
  time: number,
): readonly (readonly [id: string, name: string])[] {
  const names = new Map(state.parties.map((party) => [party.id, party.name]))
  return partiesAwaited(state, awaited(state, act, time)).map((id) => [id, names.get(id) ?? id] as const)
}
