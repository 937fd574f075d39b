/** Why the fold refuses an event: a code for machines; the sentence for members is the catalogues', this one for who reads code. */

export const FOLD_SENTENCES = {
  "body-malformed": "An event could not be read and was ignored.",
  "type-unknown": "An event of a kind that this program does not know was ignored.",
  "sender-unknown": "An event came from a seat that is not in the room.",
  "intent-doubled": "The server delivered one event twice; it counted once.",
  "not-first": "A room is created once, with its first event.",
  "no-genesis": "The room's first event is missing.",
  closed: "The room is closed.",
  "rules-not-accepted": "The room's rules must be accepted first.",
  "role-forbids": "This seat's role does not allow that.",
  "version-stale": "This was decided about an older version.",
  "seat-unknown": "There is no such seat in the room.",
  "party-unknown": "There is no such party in the room.",
  "invitation-unknown": "There is no such open invitation.",
  "invitation-exists": "There is an invitation of this mailbox already.",
  expired: "This had expired.",
  "approval-signature": "An approval is not signed by the seat that sent it.",
  "approval-unknown": "There is no such approval.",
  "approval-unfit": "An approval does not fit the room as it is.",
  "approvals-missing": "The approvals that the room's rule asks for are not all there.",
  "party-without-facilitator": "Each party needs a facilitator for this rule.",
  "commit-not-allowed": "A change of the room was made by a seat that may not make it.",
  "commit-unexpected": "A change of the room holds something that it may not.",
  "credential-changed": "A seat tried to change its keys without being admitted anew.",
  "operations-unfit": "The server was told something else than the members.",
  "record-unfit": "An event and its entry in the room's record do not fit each other.",
  "name-unfit": "A name is empty, cannot be seen, or is another member's. Choose another one.",
  "scope-unfit": "A bot needs a declared scope, and nobody else has one.",
  "not-closed": "A seat's key is disclosed after the room was closed, not before.",
  "key-unfit": "A disclosed key is not the one that the seat used.",
  "last-facilitator": "The room would be left without a facilitator.",
  "too-many": "There are as many of these as a room may have.",
} as const

export type FoldCode = keyof typeof FOLD_SENTENCES

/** An event that changes nothing. */
export class FoldRefusal extends Error {
  readonly code: FoldCode

  constructor(code: FoldCode) {
    super(code)
    this.name = "FoldRefusal"
    this.code = code
  }
}

export function refuse(code: FoldCode): never {
  throw new FoldRefusal(code)
}
