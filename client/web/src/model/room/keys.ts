/** The keys of one seat, made for one room alone (PROTOCOL.md, section 2). */

import { randomBytes } from "../../base/bytes.ts"
import { generateKey, publicKey } from "../../base/ed25519.ts"
import type { NewMember } from "../../mls/mls.ts"
import type { Suite } from "../../mls/suites.ts"
import { encodeCredential, type SeatCredential } from "../../protocol/credential.ts"
import { ID_SIZE } from "../../protocol/ids.ts"
import type { Keys } from "../../protocol/room/state.ts"
import { keysOf, mls } from "./membership.ts"
import type { SeatKeys } from "./seat_keys.ts"

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
