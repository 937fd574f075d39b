/** A sentence for each code: what it means, and what to do. */

import type { ReasonCode } from "../codes.ts"
import { say } from "./say.ts"

const { name, plural } = say

/** For a code that this version does not know. */
export const reasonUnknown =
  "Something went wrong that this version cannot name. Load the page again; if it stays so, tell a facilitator or the host."

/** Where a facilitator of named parties is awaited. */
export const reasonParties = (parties: readonly string[]) =>
  plural(parties.length, {
    one: `Waiting for a facilitator of party ${say.list(parties.map(name))}.`,
    other: `Waiting for facilitators of the parties ${say.list(parties.map(name))}.`,
  })

/** Behind a sentence whose reason has a time. */
export const reasonTime = (moment: string) => `Until ${moment}.`

export const reasons: Readonly<Record<ReasonCode, string>> = {
  "on-its-way": "On its way.",
  "catching-up": "This device is fetching what happened meanwhile.",
  "server-unreachable": "The server does not answer. What waits is sent by itself when it does.",
  "replaced-once":
    "This room was opened with the same keys somewhere else. It is tried once more, in case that was this device itself.",
  "removed-unseen":
    "The server says that you were removed, and the room's log does not show that. It is tried again by itself; ask a facilitator.",
  "commit-skipped":
    "A change of the room is not valid. What waits is sent when a facilitator's device has taken that back.",
  "left-behind":
    "The room went on with a change that this device cannot follow. It goes on when the facilitators have taken that back; if they do not, ask one of them to let this device in again.",
  earlier: "What was written before goes first.",
  "waiting-for-device": "Waiting for the device of the person who invited you.",
  "waiting-for-facilitator": "Waiting for a facilitator to approve.",
  waiting: "It waits, and goes by itself.",
  "log-gap":
    "The server left out a part of this room. Nothing more is shown. Tell the facilitators by another way.",
  "log-time": "The server's clock went back within this room. Nothing more is shown. Tell the host.",
  "log-shorter":
    "The server lost a part of this room that this device has seen. Nothing more is shown. Tell the host.",
  "log-differs":
    "The server shows members of this room different histories. Nothing more is shown. Tell the facilitators by another way.",
  "state-differs":
    "A member's device sees another room than yours. Nothing more is shown. Compare with the facilitators by another way.",
  "body-withheld": "The server withholds something that it must keep. Nothing more is shown. Tell the host.",
  "own-altered":
    "The server altered what this device sent. Nothing more is shown. Tell the facilitators by another way.",
  "own-unknown":
    "Something was sent in your name that this device did not send. Perhaps you are signed in elsewhere with a copy. Tell a facilitator, and ask to be let in again.",
  "void-late":
    "The facilitators took back a change that this device can no longer undo. Ask a facilitator to let this device in again.",
  "record-differs":
    "The room's public record does not fit what happened in it. Nothing more is shown. Tell the facilitators by another way.",
  "record-key":
    "This is not the server of the invitation: its key differs. Nothing was sent. Tell the person who invited you.",
  "inviter-differs":
    "Somebody else than the person who invited you answers this invitation. Do not go on, and tell that person.",
  "admission-unfit":
    "What this invitation leads to is not the room of the person who invited you. Tell that person.",
  "room-ended": "This room is over, and its keys are erased. What was said can be read until you delete it.",
  "open-elsewhere": "Your rooms are open in another tab. Go on there, or close it first.",
  "storage-unavailable":
    "This browser does not let the page keep anything. Choose to leave nothing on this device, or use another browser.",
  "profile-damaged":
    "What this device kept cannot be read any more. Choose to leave nothing on this device, and ask for a new invitation.",
  "profile-version": "A newer version of this page wrote what is kept here. Load the page again.",
  "host-link": "This is not a whole host link. Copy it again, from the first to the last character.",
  "host-unknown": "This device has no host link of that server any more. Open the host link again.",
  "invitation-malformed": "This invitation is not whole. Copy the link again, or ask for a new one.",
  "server-address": "This is not the address of a server.",
  "server-without-tls":
    "The connection to this server is not protected. Use the address that begins with https.",
  declined: "A facilitator declined. If that surprises you, call the person who invited you.",
  "entered-before":
    "You came into this room by another link before. To come in by this one, delete the room from this device. Otherwise ask a facilitator to remove your second place.",
  "clock-wrong": "This device's clock is wrong. Set date and time, then try again.",
  "expired-or-clock-wrong":
    "This invitation is over, or this device's clock is wrong. Look at the clock; if it is right, ask for a new invitation.",
  "knock-unknown": "Nobody asks to come in like that any more.",
  "no-knock": "This request is over. Ask for a new invitation.",
  "room-unknown": "This room is not on this device any more.",
  "room-unfit": "The room cannot be made like that. Look at its title, names and rules.",
  "room-not-made": "The room could not be made. Try again.",
  "room-waits": "The server does not answer. The room is made by itself when it does.",
  "not-created": "The room's first step has not reached the server yet. Wait a moment.",
  "not-now": "The room is not ready for this yet. Try again in a moment.",
  "not-sent": "The message did not count. Look at what the room says about it.",
  "not-the-author": "Only its author can take a message back.",
  "message-size": "A message has 1 to 20,000 characters. Send it in parts.",
  "until-over": "The time for which this was to be kept is over. It was not sent.",
  "suite-unknown": "This version does not know that encryption. Load the page again.",
  "epoch-wrong": "It was encrypted for another time.",
  "credential-unfit": "It came from a device that does not show who it is.",
  "leaf-key-unfit": "It came from a device with an unfit key.",
  "proposal-alone": "It proposes a change in a way that is not allowed.",
  malformed: "What was sent cannot be read. Load the page again to get its newest version.",
  "too-large": "This is larger than the server takes. Send less at once.",
  "out-of-state": "Page and server misunderstood each other. It connects again by itself.",
  version: "This page and the server are of different versions. Load the page again.",
  "bad-signature": "The server does not recognise this device. Ask a facilitator to let it in again.",
  "unknown-room": "The server has no such room any more. It may have been deleted after closing.",
  "unknown-seat": "The server has no place for you in this room. Ask a facilitator to let you in again.",
  replaced: "This room was opened with the same keys somewhere else. Close it there, or go on there.",
  "too-slow": "The connection could not keep up. It catches up by itself.",
  "too-fast": "Much was sent at once. The rest goes a little later, by itself.",
  stopping: "The server is restarting. What waits is sent when it is back.",
  internal: "Something went wrong inside. Try again; if it stays so, tell the host.",
  "stale-epoch": "The room went on in the meantime. It is encrypted again and sent by itself.",
  "duplicate-id":
    "The server says that it has something else in the place of this. It is tried again; tell the host.",
  "not-allowed": "The server does not allow this from here. A facilitator can do it, or the host.",
  muted: "A facilitator muted you for a time. What you write waits and is sent afterwards.",
  paused: "The room is paused. What you write waits and is sent afterwards.",
  "slow-mode": "The room is in slow mode. Your message waits for its turn.",
  removed:
    "You were removed from this room. You can read what you have. Ask a facilitator if you do not know why.",
  "room-closed": "The room is closed. Nothing more can be written.",
  "room-exists": "There is such a room already. Try again.",
  "too-many": "There are as many of these as are allowed.",
  "storage-full": "The server's disk is full. Nothing is lost, and it is tried again. Tell the host.",
  "mailbox-closed": "This invitation was revoked, used, or never existed. Ask for a new one.",
  "mailbox-taken":
    "Somebody opened this invitation before you. If that was not you, tell the person who sent it at once, and ask for a new one.",
  expired: "This has expired. Ask for a new one.",
  "bad-token": "This host link is not valid any more. Ask the host for a new one.",
  "unknown-blob": "The server does not have this attachment any more. Ask its author to send it again.",
  "body-malformed": "It could not be read.",
  "type-unknown": "It is of a kind that this version does not know. Load the page again.",
  "sender-unknown": "It came from somebody who is not in the room.",
  "intent-doubled": "The server delivered it twice; it counted once.",
  "not-first": "A room is made only once.",
  "no-genesis": "The room's beginning is missing.",
  closed: "The room is closed. Nothing more can be written.",
  "rules-not-accepted": "The ground rules must be accepted first.",
  "role-forbids": "This role does not allow it. A facilitator can do it.",
  "version-stale": "Something had changed in the meantime. Look again, and decide anew.",
  "seat-unknown": "That person is not in the room any more.",
  "party-unknown": "There is no such party in this room.",
  "invitation-unknown": "That invitation is not open any more. It was used or revoked.",
  "invitation-exists": "There is such an invitation already.",
  "approval-signature": "An approval is not signed by the person who sent it.",
  "approval-unknown": "That approval does not exist any more.",
  "approval-unfit": "An approval does not fit the room as it is now.",
  "approvals-missing": "Not all approvals that this room's rule asks for are there.",
  "party-without-facilitator": "Each party needs a facilitator first.",
  "commit-not-allowed": "Somebody tried to change the room who may not.",
  "commit-unexpected": "A change of the room holds something that it may not.",
  "credential-changed": "A device tried to change its keys without being let in again.",
  "operations-unfit": "The server was told something else than the members.",
  "record-unfit": "It does not fit its entry in the room's record.",
  "name-unfit": "That name is empty, cannot be seen, or belongs to another member. Choose another one.",
  "scope-unfit": "A bot needs a declared purpose, and nobody else has one.",
  "not-closed": "That can be done only after the room was closed.",
  "key-unfit": "A disclosed key is not the one that was used.",
  "last-facilitator":
    "The room would be left without a facilitator. Name another one first, or close the room.",
  stuck: "The server does not go on with it. It is tried again by itself; tell the host if it stays.",
  left: "You are no longer in this room. You can read what you have.",
  "attachment-size": "At most 4 files go with a message, and each has at most 25 MB.",
  "attachment-altered":
    "What the server has is not the file that was sent. Nothing of it is shown. Ask its author to send it again.",
  "picture-unclean":
    "This picture could not be read, so what it says about place and camera cannot be taken out. Save it anew, or send another one.",
  "device-full": "This device has no room for this file. Free some space, then send it again.",
  "profile-exists": "Something is kept on this device already. Load the page again.",
  "not-open": "That is not open any more. Look again.",
  "mls-malformed": "It could not be decrypted.",
  "mls-refused": "It breaks a rule of the encryption.",
  "mls-damaged":
    "What this device kept of the room cannot be read any more. Ask a facilitator to let this device in again.",
}
