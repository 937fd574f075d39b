/** What a facilitator signs who approves (PROTOCOL.md, section 11). */

import { type Bytes, concat } from "../../base/bytes.ts"
import { vector } from "../../base/tls.ts"
import { jcs } from "../canonical.ts"
import { parseB64u } from "../ids.ts"
import { sign, verify } from "../keys.ts"
import { refuse } from "./refusals.ts"
import { type Act, jsonOf, type RoomState, type Seat } from "./state.ts"

/** What an approval signs, under the label `approval`. */
export const approvalContent = (room: string, act: Act): Bytes =>
  concat(parseB64u(room), vector(jcs(jsonOf(act))))

/** A facilitator's signature on an act, 64 bytes. */
export const signApproval = (governancePrivate: Uint8Array, room: string, act: Act): Promise<Bytes> =>
  sign(governancePrivate, "approval", approvalContent(room, act))

/** Throws `approval-signature`. */
export function verifyApproval(state: RoomState, by: Seat, act: Act, signature: string): void {
  try {
    verify(parseB64u(by.keys.governance), "approval", approvalContent(state.room, act), parseB64u(signature))
  } catch {
    refuse("approval-signature")
  }
}
