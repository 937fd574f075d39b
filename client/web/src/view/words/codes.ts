/** The codes that a `Reason` or a call's error may have: the catalogues have a sentence for each. */

import type { Code } from "../../protocol/refusals.ts"
import type { FoldCode } from "../../protocol/room/refusals.ts"

/** What this device itself finds: why something waits, why a room stopped, why a call was not done. */
export const CLIENT_CODES = [
  // it waits
  "on-its-way",
  "catching-up",
  "server-unreachable",
  "commit-skipped",
  "left-behind",
  "earlier",
  "waiting-for-device",
  "waiting-for-facilitator",
  "waiting",
  // it stopped
  "log-gap",
  "log-time",
  "log-shorter",
  "log-differs",
  "state-differs",
  "body-withheld",
  "own-altered",
  "own-unknown",
  "void-late",
  "record-differs",
  "record-key",
  "inviter-differs",
  "admission-unfit",
  "room-ended",
  // it was not done
  "open-elsewhere",
  "storage-unavailable",
  "profile-damaged",
  "profile-version",
  "host-link",
  "host-unknown",
  "invitation-malformed",
  "server-address",
  "server-without-tls",
  "declined",
  "clock-wrong",
  "expired-or-clock-wrong",
  "knock-unknown",
  "no-knock",
  "room-unknown",
  "room-unfit",
  "room-not-made",
  "not-created",
  "not-now",
  "not-sent",
  "not-the-author",
  "message-size",
  "until-over",
  "suite-unknown",
  "epoch-wrong",
  "credential-unfit",
  "leaf-key-unfit",
  "proposal-alone",
] as const

export type ReasonCode = Code | FoldCode | (typeof CLIENT_CODES)[number]
