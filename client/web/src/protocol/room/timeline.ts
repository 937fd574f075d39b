/**
 * What is said: messages, replies, retractions, what was seen (PROTOCOL.md, section 9).
 *
 * Chat is not part of the state: retention takes it away, and joiners never had it. Each event is judged by the state, the
 * sender's role, and for a retraction by who wrote what it retracts.
 */

import { attachments } from "./attachments.ts"
import { refuse } from "./refusals.ts"
import { type Check, natural, object, oneOf, optional, text, withDefault } from "./schema.ts"
import { type At, id, type RoomState, type Said, type Seat } from "./state.ts"

export const MAX_MESSAGE_CHARS = 20_000

/** Who reads a message, whether it may be quoted, and until when it may be kept (0: the room's rule). */
const exposure = object({
  audience: oneOf("room"),
  quotable: oneOf("no", "anonymous", "named"),
  until: natural,
})
export type Exposure = ReturnType<typeof exposure>

const spoken = object({
  text: text(0, MAX_MESSAGE_CHARS),
  exposure,
  reply_to: optional(id),
  attachments: withDefault(attachments, []),
})

/**
 * `reply_to` is the id of the event that a message answers; its exposure is its attachments' too. Without any, it says
 * something.
 */
const message: Check<ReturnType<typeof spoken>> = (value) => {
  const said = spoken(value)
  return said.text === "" && said.attachments.length === 0 ? refuse("body-malformed") : said
}
/** The sender takes back a message of its own. */
const retract = object({ event: id })
/** The sender has seen everything up to a seq. */
const seen = object({ seq: natural })

export type Chat =
  | ({ readonly type: "message" } & ReturnType<typeof message>)
  | ({ readonly type: "retract" } & ReturnType<typeof retract>)
  | ({ readonly type: "seen" } & ReturnType<typeof seen>)

/** The type of a chat event's envelope, and what its body must be. */
const CHAT = { message, retract, seen } as const

/** A chat event as it counts; `lastIntent` is the sender's highest that counted before. Throws FoldRefusal. */
export function decideChat(state: RoomState, at: At, said: Said, lastIntent: number): Chat {
  if (!Object.hasOwn(CHAT, said.type)) refuse("type-unknown")
  const type = said.type as Chat["type"]
  const sender = state.seats[at.sender] ?? refuse("sender-unknown")
  if (said.intent <= lastIntent) refuse("intent-doubled")
  if (state.closed !== null) refuse("closed")
  if (sender.accepted < state.rules.version) refuse("rules-not-accepted")
  const chat = { type, ...CHAT[type](said.body) } as Chat
  if (type === "message" && !mayWrite(sender)) refuse("role-forbids")
  return chat
}

/** Whether a seat's messages count: not an observer's, nor those of a bot that declared to be silent. */
export const mayWrite = (seat: Seat): boolean =>
  seat.role !== "observer" && (seat.scope === null || seat.scope.writes)

/** Only the author may retract; `author` undefined: a message that this client never had. */
export function checkRetraction(at: At, author: string | undefined): void {
  if (author !== undefined && author !== at.sender) refuse("role-forbids")
}
