/** The codes with which a server refuses (PROTOCOL.md, section 14), each with a sentence that says what to do. */

export const SENTENCES = {
  malformed: "What was sent cannot be read. Update the program that sent it.",
  "too-large": "What was sent is larger than this server takes. Send less at once.",
  "out-of-state": "This was sent at a moment when it has no meaning. Connect again.",
  version: "The two programs share no version of the protocol. Update the older one.",
  "bad-signature": "The signature is not the seat's. Check that this is the right profile.",
  "unknown-room": "There is no such room on this server. It may have been purged.",
  "unknown-seat": "This room has no such seat. Ask a facilitator to be admitted.",
  replaced: "This seat connected from somewhere else. Close it there, or go on there.",
  "too-slow": "The connection could not keep up. It catches up when it connects again.",
  "too-fast": "Too much was sent at once. It is sent again by itself, a little later.",
  stopping: "The server is stopping. Connect again in a moment.",
  internal: "The server met an error of its own. Try again; tell the host if it stays.",
  "stale-epoch": "The room went on in the meantime. It is encrypted and sent again by itself.",
  "duplicate-id": "An event of this id exists with other content.",
  "not-allowed": "This may not be done from here. A facilitator can, or the host.",
  muted: "A facilitator muted this seat for a time. The message waits.",
  paused: "The room is paused. The message waits until it goes on.",
  "slow-mode": "The room is in slow mode. The message waits for its turn.",
  removed: "This seat was removed from the room.",
  "room-closed": "The room is closed.",
  "room-exists": "There is a room of this id already.",
  "too-many": "There are as many of these as the server allows.",
  "storage-full": "The server's disk is full. Nothing is lost; tell the host.",
  "mailbox-closed": "This invitation was revoked, used, or never existed. Ask for a new one.",
  "mailbox-taken": "Somebody else opened this invitation first. Tell the person who sent it.",
  expired: "This has expired. Ask for a new one.",
  "bad-token": "The token is not one of this server's, or it was withdrawn.",
} as const

export type Code = keyof typeof SENTENCES
