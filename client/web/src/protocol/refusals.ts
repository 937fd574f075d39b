/** The codes with which a server refuses (PROTOCOL.md, section 14). Their sentences are the catalogues'. */

export const CODES = [
  "malformed",
  "too-large",
  "out-of-state",
  "version",
  "bad-signature",
  "unknown-room",
  "unknown-seat",
  "replaced",
  "too-slow",
  "too-fast",
  "stopping",
  "internal",
  "stale-epoch",
  "duplicate-id",
  "not-allowed",
  "muted",
  "paused",
  "slow-mode",
  "removed",
  "room-closed",
  "room-exists",
  "too-many",
  "storage-full",
  "mailbox-closed",
  "mailbox-taken",
  "expired",
  "bad-token",
  "unknown-blob",
] as const

export type Code = (typeof CODES)[number]
