/** What chat and governance events do to a view, and what is shown of them (PROTOCOL.md, section 9). */

import type { LogEvent } from "../../protocol/events.ts"
import { decide } from "../../protocol/room/decide.ts"
import { refuse } from "../../protocol/room/refusals.ts"
import type { At, Said } from "../../protocol/room/state.ts"
import { checkRetraction, decideChat } from "../../protocol/room/timeline.ts"
import type { Fact } from "./entries.ts"
import type { RoomView } from "./view.ts"

/** Who wrote a message, by the message's id; undefined where this client never had it. */
export type AuthorOf = (message: string) => string | undefined

/** A view, and what is shown of how it came about. */
export type Step = readonly [view: RoomView, facts: readonly Fact[]]

/** Governance that says nothing to people, or (`knock`) to facilitators alone, who see who waits at the door. */
const SILENT: readonly string[] = ["confirm", "knock"]

/** The view after a governance event. Throws FoldRefusal. */
export function govern(view: RoomView, event: LogEvent, at: At, said: Said): Step {
  const decided = { ...view, state: decide(view.state, at, said) }
  if (SILENT.includes(said.type)) return [decided, []]
  const fact: Fact = {
    kind: "governed",
    seq: event.seq,
    time: event.time,
    seat: at.sender,
    id: at.event,
    type: said.type,
    // a key is not kept for having been said: that everybody may forge is known without it
    body: said.type === "disclose" ? {} : said.body,
  }
  return [decided, [fact]]
}

/** The view after a chat event. Throws FoldRefusal. */
export function say(view: RoomView, event: LogEvent, at: At, said: Said, authorOf: AuthorOf): Step {
  const state = view.state ?? refuse("no-genesis")
  const chat = decideChat(state, at, said, view.chatIntents.get(at.sender) ?? 0)
  const counted = { ...view, chatIntents: new Map([...view.chatIntents, [at.sender, said.intent]]) }
  switch (chat.type) {
    case "message":
      return [counted, [messageOf(view, event, at, chat)]]
    case "retract":
      checkRetraction(at, authorOf(chat.event))
      return [counted, [{ kind: "retracted", message: chat.event }]]
    case "seen": {
      const upTo = Math.max(view.seen.get(at.sender) ?? 0, Math.min(chat.seq, event.seq - 1))
      return [{ ...counted, seen: new Map([...view.seen, [at.sender, upTo]]) }, []]
    }
  }
}

type Message = Extract<ReturnType<typeof decideChat>, { readonly type: "message" }>

function messageOf(view: RoomView, event: LogEvent, at: At, message: Message): Fact {
  const author = view.state?.seats[at.sender] ?? refuse("sender-unknown")
  return {
    kind: "message",
    seq: event.seq,
    time: event.time,
    seat: at.sender,
    id: at.event,
    name: author.name,
    party: author.party ?? undefined,
    role: author.role,
    text: message.text,
    gone: "",
    exposure: message.exposure,
    replyTo: message.reply_to,
    attachments: message.attachments,
  }
}
