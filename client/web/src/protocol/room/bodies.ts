/** The bodies of governance events, by type (PROTOCOL.md, section 9). */

import type { JsonObject } from "../canonical.ts"
import { refuse } from "./refusals.ts"
import { type Check, natural, nullable, object } from "./schema.ts"
import {
  act,
  admissionRule,
  bytes,
  history,
  id,
  key,
  keys,
  lines,
  longText,
  name,
  parties,
  partyId,
  retention,
  role,
  scope,
  signature,
  words,
} from "./state.ts"

/** The type of an envelope, and what its body must be. */
export const BODIES = {
  /** The room's first event. `name` and `keys` are the creator's. */
  genesis: object({
    suite: natural,
    title: name,
    welcome: longText,
    record_key: key,
    rules: lines,
    parties,
    retention,
    history,
    name,
    party: nullable(partyId),
    keys,
  }),
  /** The sender accepts the rules of a version. */
  accept: object({ version: natural }),
  /** New rules, to be accepted by everybody. */
  rules: object({ lines }),
  title: object({ title: name }),
  welcome: object({ welcome: longText }),
  retention: object({ retention }),
  history: object({ history }),
  /** A mailbox was opened for somebody. */
  invite: object({ mailbox: id, role, party: nullable(partyId), scope: nullable(scope), expires: natural }),
  /** A mailbox was closed. */
  revoke: object({ mailbox: id }),
  /** Who knocks, for the other facilitators. The act's expiry and rule version are 0. */
  knock: object({ act, words }),
  /** The sender approves an act; the signature is its governance key's (section 11). */
  approve: object({ act, signature }),
  /** The sender takes an approval back. */
  unapprove: object({ approval: id }),
  /** A change of role that was approved. */
  role: object({ seat: id, role, party: nullable(partyId) }),
  /** A change of the admission rule; loosening it must have been approved. */
  admission: object({ rule: admissionRule }),
  /** Nothing: its envelope carries the sender's view. */
  confirm: object({}),
  leave: object({}),
  /** A new inbox key of the sender's, signed with its governance key. */
  inbox: object({ inbox: bytes, signature }),
  close: object({}),
  /** The sender's private leaf key: from now on what it signed in the room can be forged. */
  disclose: object({ leaf: key }),
} as const

export type BodyType = keyof typeof BODIES
export type Body<T extends BodyType> = ReturnType<(typeof BODIES)[T]>

/** Throws `type-unknown`. */
export const bodyType = (type: string): BodyType =>
  Object.hasOwn(BODIES, type) ? (type as BodyType) : refuse("type-unknown")

/** Throws `body-malformed`. */
export const parseBody = <T extends BodyType>(type: T, body: JsonObject): Body<T> =>
  (BODIES[type] as Check<Body<T>>)(body)
