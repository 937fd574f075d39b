/** What a refusal means for what waits in the outbox, and why it waits. */

import type { Reason } from "./contract.ts"
import { ServerRefused } from "./errors.ts"
import type { RoomView } from "./room/view.ts"

/** After these a new connection would hear the same; `removed` and `replaced` are doubted at first. */
export const FINAL: ReadonlySet<string> = new Set([
  "replaced",
  "removed",
  "unknown-room",
  "unknown-seat",
  "bad-signature",
  "version",
  "room-ended",
])

/** What the server would say to a seat that is in the room no more, as its own log has it. */
export function outOf({ presence }: RoomView): ServerRefused | undefined {
  if (presence === "present") return undefined
  return new ServerRefused(presence === "ended" ? "room-ended" : "removed")
}

/** The same bytes are sent again, later. */
export const LATER: ReadonlySet<string> = new Set([
  "muted",
  "paused",
  "slow-mode",
  "too-fast",
  "storage-full",
  "stopping",
  "internal",
  "duplicate-id",
])

/** A new ciphertext is made, and for no other reason, when the room's events are here. */
export const AGAIN: ReadonlySet<string> = new Set(["stale-epoch"])

/** What an operation of the room may end before its time. */
export const HELD_BY_ROOM: ReadonlySet<string> = new Set(["muted", "paused", "slow-mode"])

/** A lane of the outbox that the server asked to wait. */
export interface Hold {
  readonly code: string
  /** By `performance.now()`, when it is tried again. */
  readonly until: number
  /** The same in seconds since 1970, for people. */
  readonly time: number
}

/** What is told of a hold. A server that says `stale-epoch` and shows nothing new is stuck, and so are we. */
export const reasonOf = ({ code, time }: Hold): Reason => ({
  code: Object.hasOwn(STUCK, code) ? (STUCK[code] ?? code) : code,
  time,
})

const STUCK: Readonly<Record<string, string>> = {
  "stale-epoch": "stuck",
  "duplicate-id": "stuck",
  internal: "stuck",
}

export const ON_ITS_WAY: Reason = { code: "on-its-way" }
export const CATCHING_UP: Reason = { code: "catching-up" }
export const UNREACHABLE: Reason = { code: "server-unreachable" }
export const REPLACED_ONCE: Reason = { code: "replaced-once" }
export const REMOVED_UNSEEN: Reason = { code: "removed-unseen" }
export const SKIPPED: Reason = { code: "commit-skipped" }
export const LEFT_BEHIND: Reason = { code: "left-behind" }
export const EARLIER: Reason = { code: "earlier" }
