/** The keys of one seat, made for one room alone (PROTOCOL.md, section 2). */

import { randomBytes } from "../../base/bytes.ts"
import { generateKey, KEY_SIZE, publicKey } from "../../base/ed25519.ts"
import type { NewMember } from "../../mls/mls.ts"
import type { Suite } from "../../mls/suites.ts"
import { encodeCredential, MAX_INBOX_KEY_BYTES, type SeatCredential } from "../../protocol/credential.ts"
import { ID } from "../../protocol/events.ts"
import { bytes, type Field, numberBetween, struct, type Value } from "../../protocol/fields.ts"
import { ID_SIZE } from "../../protocol/ids.ts"
import type { Keys } from "../../protocol/room/state.ts"
import { keysOf, mls } from "./membership.ts"

const PRIVATE = bytes(KEY_SIZE)
const INBOX = bytes(KEY_SIZE, MAX_INBOX_KEY_BYTES)

/** A seat's id and its private keys, for storage too; of the inbox key both halves. */
export const SEAT_KEYS = struct({
  suite: numberBetween(1, 0xffff) as Field<Suite>,
  seat: ID,
  seatKey: PRIVATE,
  leafKey: PRIVATE,
  governanceKey: PRIVATE,
  inboxKey: INBOX,
  inboxPublic: INBOX,
})
export type SeatKeys = Value<typeof SEAT_KEYS>

/** A new seat with new keys. */
export async function generateSeatKeys(suite: Suite): Promise<SeatKeys> {
  const inbox = await mls.makeInboxKey(suite)
  return {
    suite,
    seat: randomBytes(ID_SIZE),
    seatKey: generateKey(),
    leafKey: generateKey(),
    governanceKey: generateKey(),
    inboxKey: inbox.privateKey,
    inboxPublic: inbox.publicKey,
  }
}

/** What stands in the seat's leaf. */
const credentialOf = (keys: SeatKeys): SeatCredential => ({
  seat: keys.seat,
  seatKey: publicKey(keys.seatKey),
  governanceKey: publicKey(keys.governanceKey),
  inboxKey: keys.inboxPublic,
})

/** Who the seat is to MLS. */
export const newMemberOf = (keys: SeatKeys, nowS: number): NewMember => ({
  suite: keys.suite,
  identity: encodeCredential(credentialOf(keys)),
  leafKey: keys.leafKey,
  nowS,
})

/** The public keys as the fold has them. */
export const publicKeysOf = (keys: SeatKeys): Keys => keysOf(credentialOf(keys), publicKey(keys.leafKey))
