/**
 * What the page and its worker say to each other: calls (`Engine`), and news that the worker tells by itself (`News`).
 *
 * All of it is plain data. Identifiers are base64url, times are seconds since 1970, words are what catalogues translate: a
 * `Reason` has a code, never a sentence.
 */

import type { Attachment } from "../protocol/room/attachments.ts"
import type { Role, RoomState, Scope } from "../protocol/room/state.ts"
import type { Exposure } from "../protocol/room/timeline.ts"
import type { Abilities } from "./abilities.ts"

/** Why something waits, failed or stopped; the catalogues have a sentence for each code. */
export interface Reason {
  readonly code: string
  /** When it is tried again or ends. */
  readonly time?: number
  /** Names of the parties whose approval is awaited. */
  readonly parties?: readonly string[]
}

// ---- what is always known: rooms, knocks, servers

export type Connection = "connecting" | "catching-up" | "live" | "over"

/** One of the person's rooms, for the list. */
export interface RoomLine {
  readonly id: string
  /** Empty while the room's first event is on its way. */
  readonly title: string
  readonly connection: Connection
  /** Messages of others beyond what this person has seen. */
  readonly unread: number
  /** What this device has still to send. */
  readonly waiting: number
  /** Who knocks, where this seat facilitates. */
  readonly knocking: number
  /** What keeps this device from following the room: for the banner. */
  readonly trouble: Reason | undefined
  /** Left, removed, closed, stopped: it can be read. */
  readonly isOver: boolean
  /** Of the last event. */
  readonly time: number
}

/** Where an own knock stands. `asking`: the inviting person's device has not answered, so that there are no words yet. */
export type KnockStage = "asking" | "waiting" | "admitted" | "failed"

export interface KnockLine {
  /** The mailbox. */
  readonly id: string
  readonly name: string
  readonly stage: KnockStage
  /** Numbers below 2,048; the view has the words. */
  readonly words: readonly [number, number, number] | undefined
  /** What it waits for (`waiting-for-device`, `waiting-for-facilitator` with `parties`), or why it failed. */
  readonly reason: Reason | undefined
  /** The room, when it let this seat in. */
  readonly room: string | undefined
}

/** A server that gave this profile a host link: rooms can be made there. */
export interface HostLine {
  readonly url: string
}

/** A room that was asked for, and is made when its server answers; or that could not be made. */
export interface MakingLine {
  readonly id: string
  readonly title: string
  readonly reason: Reason
}

export interface Lobby {
  /** Whether it is still there when the person comes back. */
  readonly isLasting: boolean
  readonly rooms: readonly RoomLine[]
  readonly knocks: readonly KnockLine[]
  readonly hosts: readonly HostLine[]
  readonly makings: readonly MakingLine[]
}

// ---- one room

export interface MemberLine {
  readonly seat: string
  readonly name: string
  readonly role: Role
  readonly party: string | undefined
  readonly scope: Scope | undefined
  /** Seq at which it came in. */
  readonly since: number
  /** Who approved it; empty for the room's creator. */
  readonly by: readonly string[]
  readonly hasAccepted: boolean
  /** Up to which seq it has seen everything. */
  readonly seen: number
}

export type InvitationStage = "not-opened" | "waiting" | "admitted" | "expired" | "revoked"

export interface InvitationLine {
  readonly mailbox: string
  readonly role: Role
  readonly party: string | undefined
  readonly expires: number
  readonly by: string
  readonly stage: InvitationStage
  /** Of who knocks or came in. */
  readonly name: string | undefined
  /** Whole, where this device made it and it still works: for the QR code and the card. */
  readonly link: string | undefined
}

/** Somebody at the door. */
export interface Knocking {
  readonly mailbox: string
  /** The seat that it would get. */
  readonly seat: string
  readonly name: string
  readonly role: Role
  readonly party: string | undefined
  readonly words: readonly [number, number, number]
  /** Whether this seat has approved it. */
  readonly isApproved: boolean
  /** Names of the parties whose approval is awaited. */
  readonly missing: readonly string[]
}

/** An act that somebody approved and that still lacks approvals: removal, role, admission rule. */
export interface ProposalLine {
  readonly act: "add" | "remove" | "role" | "rule"
  readonly seat: string | undefined
  readonly role: Role | undefined
  readonly party: string | undefined
  readonly by: readonly string[]
  readonly isApproved: boolean
  readonly missing: readonly string[]
}

/** A file of a message: its size is that of its content in bytes. */
export type FileLine = Pick<Attachment, "name" | "size" | "type">

/** A file that is to go with a message, as the person chose it. */
export interface FileWish {
  readonly name: string
  readonly type: string
  readonly content: Blob
}

/** What was attached: its bytes, and what kind of picture they are by themselves, of those that a page may show. */
export interface Fetched {
  readonly content: Uint8Array<ArrayBuffer>
  readonly picture: string | undefined
}

/** Something that this device has still to send, or that will not be sent. */
export interface OutboxLine {
  readonly place: number
  /** `message`, `retract`, or an act of governance. */
  readonly type: string
  /** What was written, of a message. */
  readonly text: string | undefined
  readonly exposure: Exposure | undefined
  readonly replyTo: string | undefined
  /** Files of a message. */
  readonly attachments: readonly FileLine[]
  /** From 0 to 1, while files are on their way, or did not get there: then it may be tried again. */
  readonly uploaded: number | undefined
  readonly hasFailed: boolean
  readonly reason: Reason
}

/** A room as it is now, but for what was said in it (`Entry`). */
export interface RoomNow {
  readonly id: string
  /** The own seat. */
  readonly seat: string
  readonly connection: Connection
  readonly trouble: Reason | undefined
  readonly isOver: boolean
  /** undefined before the room's first event is in the log. */
  readonly state:
    | Pick<
        RoomState,
        "title" | "welcome" | "rules" | "parties" | "admission" | "retention" | "history" | "closed" | "suite"
      >
    | undefined
  readonly role: Role | undefined
  readonly party: string | undefined
  /** Whether this device sets the admission rule `party` as soon as each party has a facilitator. */
  readonly isPartyRuleWished: boolean
  /** Whether this seat has accepted the rules' latest version: before, nothing else is shown. */
  readonly hasAccepted: boolean
  readonly mayWrite: boolean
  readonly members: readonly MemberLine[]
  /** Facilitators' alone, as the next one. */
  readonly invitations: readonly InvitationLine[]
  readonly knocking: readonly Knocking[]
  /** What this seat may approve: of facilitators, but also of members of a party that has no facilitator of its own. */
  readonly proposals: readonly ProposalLine[]
  readonly outbox: readonly OutboxLine[]
  /** Up to which seq this person has seen everything; what others said after it is unread. */
  readonly seen: number
  readonly draft: Draft
}

/** What stands in the composer. */
export interface Draft {
  readonly text: string
  readonly quotable: Exposure["quotable"]
  /** For how many seconds from sending it may be kept; 0: as the room's rule says. */
  readonly keepS: number
  readonly replyTo: string | undefined
}

/** Where an entry stands. `seq` 0 marks what is not in the log; `number` orders the entries of a room. */
interface EntryOf<Kind extends string> {
  readonly kind: Kind
  /** The entry's place in this room's history on this device: 0, 1, 2 … */
  readonly number: number
  readonly seq: number
  readonly time: number
  readonly seat: string
}

/** What happened, as the timeline shows it; the counterpart of the Python client's facts. */
export type Entry =
  /** This seat came in; what was said before is not shown, for the room's history rule. */
  | (EntryOf<"entered"> & { readonly history: RoomState["history"] })
  | (EntryOf<"message"> & {
      readonly id: string
      /** The author's name when it was written. */
      readonly name: string
      readonly party: string | undefined
      readonly role: Role
      /** undefined where it is gone. */
      readonly text: string | undefined
      readonly gone: "" | "retracted" | "expired"
      readonly exposure: Exposure
      readonly replyTo: string | undefined
      /** None where the message is gone. */
      readonly attachments?: readonly Attachment[] | undefined
    })
  | (EntryOf<"joined"> & {
      readonly joined: string
      readonly name: string
      readonly role: Role
      readonly party: string | undefined
      readonly by: readonly string[]
    })
  | (EntryOf<"left"> & { readonly left: string; readonly name: string; readonly how: "left" | "removed" })
  /** An act of governance; its body is as PROTOCOL.md section 9 has it. */
  | (EntryOf<"governed"> & {
      readonly id: string
      readonly type: string
      readonly body: Readonly<Record<string, unknown>>
    })
  | (EntryOf<"voided"> & { readonly commit: string })
  | (EntryOf<"void-asked"> & { readonly commit: string })
  | (EntryOf<"left-behind"> & { readonly commit: string })
  | (EntryOf<"ended"> & { readonly missing: readonly string[] })
  | (EntryOf<"ignored"> & { readonly code: string; readonly type: string })
  | (EntryOf<"unfit"> & { readonly operation: string; readonly code: string })
  | (EntryOf<"skipped"> & { readonly code: string })
  | (EntryOf<"stopped"> & { readonly code: string })
  | (EntryOf<"failed"> & { readonly place: number; readonly code: string })

// ---- calls

export interface RoomWish {
  /** The server, of a host link that this profile has. */
  readonly url: string
  readonly title: string
  readonly welcome: string
  readonly rules: readonly string[]
  readonly parties: readonly { readonly id: string; readonly name: string }[]
  readonly retention: { readonly seconds: number; readonly after_reading: boolean }
  readonly history: RoomState["history"]
  /** `party` is set by this device as soon as each party has a facilitator; until then any one lets people in. */
  readonly admission: "any" | "party"
  /** The creator's. */
  readonly name: string
  readonly party: string | undefined
  readonly suite: 1 | 83
}

export interface InviteWish {
  readonly role: Role
  readonly party: string | undefined
  readonly scope: Scope | undefined
  readonly expiresInS: number
}

/** What a link says before anything is sent: whether it is whole, and where it leads. */
export type LinkKind = "invitation" | "host" | "malformed"

export interface Settings {
  readonly title?: string
  readonly welcome?: string
  readonly rules?: readonly string[]
  readonly history?: RoomState["history"]
  readonly retention?: { readonly seconds: number; readonly after_reading: boolean }
  /** `party` is a wish where a party has no facilitator yet. */
  readonly admission?: "any" | "party"
}

/**
 * The worker's calls. Each throws CallError with a code. What is to be sent is on this device's disk when a call returns
 * (and nothing before has left the device); what becomes of it, the outbox of RoomNow tells.
 */
export interface Engine {
  findAbilities(): Promise<Abilities>
  /** Whether this browser keeps a profile already. */
  hasProfile(): Promise<boolean>
  /** Opens the profile, or makes it; all its rooms connect. Throws `open-elsewhere`, `storage-unavailable`. */
  open(isLasting: boolean): Promise<Lobby>
  /**
   * The network went or came back, which not every browser tells a worker: what was connected is not believed, and nothing
   * waits for its time.
   */
  reconnect(): Promise<void>
  /** From a profile that is gone with the page to one that lasts: "keep me signed in here". */
  keep(): Promise<void>
  /** "Leave nothing on this device": keys first, then everything; nothing else can be called afterwards. */
  wipe(): Promise<void>

  kindOf(link: string): Promise<LinkKind>
  /** Knocks by an invitation's link, under a name. Returns the knock's id; it goes on by itself. */
  knock(link: string, name: string): Promise<string>
  forgetKnock(id: string): Promise<void>
  rememberHost(link: string): Promise<HostLine>
  forgetHost(url: string): Promise<void>
  /**
   * Returns the room's id when the room is in this profile and on the server. Throws `room-waits` where it is kept,
   * and made by itself when the server answers.
   */
  createRoom(wish: RoomWish): Promise<string>

  /** The room, told with each change until `closeRoom`; its entries come as news, the latest first. */
  openRoom(room: string): Promise<RoomNow>
  closeRoom(room: string): Promise<void>
  acceptRules(room: string): Promise<void>
  send(room: string, message: Draft): Promise<void>
  /**
   * A message with files. When it returns, they are encrypted on this device's disk; the message goes when the server has
   * them. Throws `attachment-size`, `picture-unclean`, `device-full` too.
   */
  attach(room: string, message: Draft, files: readonly FileWish[]): Promise<void>
  /** Tries an upload again that failed; `dismiss` takes one away. */
  uploadAgain(room: string, place: number): Promise<void>
  /** One of a message's files: `progress` tells how far it is. Throws `attachment-altered`, `unknown-blob`. */
  fetchAttachment(room: string, message: string, at: number): Promise<Fetched>
  retract(room: string, message: string): Promise<void>
  /** The person has seen everything up to that seq. */
  seen(room: string, seq: number): Promise<void>
  keepDraft(room: string, draft: Draft): Promise<void>
  /** Takes what failed out of the outbox's list. */
  dismiss(room: string, place: number): Promise<void>
  /** The link works from when RoomNow lists the invitation: before, the server does not know it. */
  invite(room: string, wish: InviteWish): Promise<InvitationLine>
  revoke(room: string, mailbox: string): Promise<void>
  approveKnock(room: string, mailbox: string): Promise<void>
  /** Declines, and closes the invitation. */
  decline(room: string, mailbox: string): Promise<void>
  /** Approves what another proposed, by its act and seat. */
  approve(room: string, act: ProposalLine["act"], seat: string | undefined): Promise<void>
  unapprove(room: string, act: ProposalLine["act"], seat: string | undefined): Promise<void>
  remove(room: string, seat: string): Promise<void>
  setRole(room: string, seat: string, role: Role, party: string | undefined): Promise<void>
  set(room: string, settings: Settings): Promise<void>
  leave(room: string): Promise<void>
  /** Ends the room for everybody. */
  end(room: string): Promise<void>
  /** Leaves nothing of the room on this device. */
  forget(room: string): Promise<void>
}

/** What the worker tells by itself. */
export type News =
  | { readonly news: "lobby"; readonly lobby: Lobby }
  /** Of a room that is open on the page. */
  | { readonly news: "room"; readonly room: RoomNow }
  /**
   * Entries of a room that is open on the page, by number: new ones, ones that changed (a message that is gone), and after
   * `openRoom` all of them, the latest first, in pieces. `total` counts the room's entries.
   */
  | {
      readonly news: "entries"
      readonly room: string
      readonly entries: readonly Entry[]
      readonly total: number
    }
  /** How much of an attachment that was asked for is here, from 0 to 1. */
  | { readonly news: "progress"; readonly message: string; readonly at: number; readonly done: number }
  /** A message of somebody else that is new and unread, for a sound or a notification without content. */
  | { readonly news: "heard"; readonly room: string }
