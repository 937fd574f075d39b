/** A room right after the commit that let a knocker in, made with MLS and the fold alone. */

import { b64u, randomBytes } from "../../src/base/bytes.ts"
import { generateKey, publicKey } from "../../src/base/ed25519.ts"
import type { Suite } from "../../src/mls/suites.ts"
import { generateKnocker, type Knocker } from "../../src/model/joining.ts"
import { type Answer, admissionOf, encodeLetter, parseAnswer } from "../../src/model/letters.ts"
import { generateSeatKeys, newMemberOf, publicKeysOf } from "../../src/model/room/keys.ts"
import { mls } from "../../src/model/room/membership.ts"
import type { SeatKeys } from "../../src/model/room/seat_keys.ts"
import { firstView, type RoomView } from "../../src/model/room/view.ts"
import { fingerprint } from "../../src/protocol/keys.ts"
import { linkOf } from "../../src/protocol/link.ts"
import { decide } from "../../src/protocol/room/decide.ts"
import { jsonOf, type RoomState } from "../../src/protocol/room/state.ts"

const NOW = Math.floor(Date.now() / 1000)
const SEQ = 7

export interface Entrance {
  readonly ann: SeatKeys
  readonly knocker: Knocker
  readonly view: RoomView
  readonly answer: Answer
  readonly link: string
}

function stateOf(room: Uint8Array, ann: SeatKeys, recordKey: Uint8Array): RoomState {
  const at = { room: b64u(room), seq: 1, time: NOW, sender: b64u(ann.seat), event: b64u(room) }
  const body = {
    title: "The harbour",
    welcome: "“Welcome”\n".repeat(100),
    rules: [],
    parties: [],
    retention: { seconds: 0, after_reading: false },
    history: "none",
    name: "Ann",
    party: null,
    suite: ann.suite,
    record_key: b64u(recordKey),
    keys: jsonOf(publicKeysOf(ann)),
  }
  return decide(null, at, { type: "genesis", body, intent: 1 })
}

/** Ann's room as Bo, who knocked, comes in. */
export async function enter(suite: Suite): Promise<Entrance> {
  const ann = await generateSeatKeys(suite)
  const recordKey = publicKey(generateKey())
  const room = randomBytes(16)
  const invitation = {
    secret: randomBytes(32),
    inviterFingerprint: fingerprint(publicKey(ann.governanceKey)),
    recordKeyFingerprint: fingerprint(recordKey),
  }
  const link = linkOf(invitation, "https://room.example")
  const knocker = await generateKnocker(link, "Bo", NOW)
  const seat = knocker.seats.find(({ keys }) => keys.suite === suite)
  if (seat === undefined) throw new RangeError("no seat of that suite")
  const group = await mls.create(room, newMemberOf(ann, NOW))
  const wish = { add: [seat.bundle.message], remove: [], authenticatedData: new Uint8Array(), paddedTo: 0 }
  const { next, welcome } = await mls.commit(group, wish)
  if (welcome === undefined) throw new RangeError("no Welcome")
  const made = stateOf(room, ann, recordKey)
  const first = made.seats[b64u(ann.seat)]
  if (first === undefined) throw new RangeError("no creator")
  const bo = { ...first, leaf: 1, role: "participant", name: "Bo", keys: publicKeysOf(seat.keys) } as const
  const joined = { ...bo, since: SEQ, by: [b64u(ann.seat)], operates: false, accepted: 0 }
  const state = { ...made, seats: { ...made.seats, [b64u(seat.keys.seat)]: joined } }
  const view = {
    ...firstView(room, ann.seat, next),
    seq: SEQ,
    time: NOW,
    opening: b64u(randomBytes(16)),
    state,
  }
  const answer = parseAnswer(encodeLetter(admissionOf(view, welcome.message, welcome.tree)))
  return { ann, knocker, view, answer, link }
}
