/** Why the fold refuses an event: codes. Their sentences are the catalogues'. */

export const FOLD_CODES = [
  "body-malformed",
  "type-unknown",
  "sender-unknown",
  "intent-doubled",
  "not-first",
  "no-genesis",
  "closed",
  "rules-not-accepted",
  "role-forbids",
  "version-stale",
  "seat-unknown",
  "party-unknown",
  "invitation-unknown",
  "invitation-exists",
  "expired",
  "approval-signature",
  "approval-unknown",
  "approval-unfit",
  "approvals-missing",
  "party-without-facilitator",
  "commit-not-allowed",
  "commit-unexpected",
  "credential-changed",
  "operations-unfit",
  "record-unfit",
  "name-unfit",
  "scope-unfit",
  "not-closed",
  "key-unfit",
  "last-facilitator",
  "too-many",
] as const

export type FoldCode = (typeof FOLD_CODES)[number]

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
