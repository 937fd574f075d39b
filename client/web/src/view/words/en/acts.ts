/** What happened, as quiet lines between the messages. `who` and `whom` are names. */

import { say } from "./say.ts"

const { name } = say

export const acts = {
  entered: "You came in.",
  enteredNone: "What was said before is not shown to newcomers: that is this room's rule.",
  enteredBriefing:
    "Of what was said before, newcomers see a facilitator's briefing: that is this room's rule.",
  joined: (who: string, as: string) => `${name(who)} came in (${as}).`,
  joinedBy: (who: string, as: string, by: readonly string[]) =>
    `${name(who)} came in (${as}), let in by ${say.list(by.map(name))}.`,
  left: (who: string) => `${name(who)} left.`,
  removed: (who: string) => `${name(who)} was removed.`,
  genesis: (who: string) => `${name(who)} made the room.`,
  accept: (who: string) => `${name(who)} accepted the ground rules.`,
  rules: (who: string) => `${name(who)} set new ground rules.`,
  title: (who: string, title: string) => `${name(who)} gave the room a new title: ${name(title)}`,
  welcome: (who: string) => `${name(who)} changed the welcome.`,
  retention: (who: string, kept: string) => `${name(who)} set how long messages are kept: ${kept}.`,
  history: (who: string) => `${name(who)} changed what newcomers see of the conversation.`,
  invite: (who: string, as: string) => `${name(who)} invited somebody (${as}).`,
  revoke: (who: string) => `${name(who)} closed an invitation.`,
  approveAdd: (who: string, whom: string) => `${name(who)} approved that ${name(whom)} comes in.`,
  approveRemove: (who: string, whom: string) => `${name(who)} approved that ${name(whom)} is removed.`,
  approveRole: (who: string, whom: string, as: string) =>
    `${name(who)} approved that ${name(whom)} becomes ${as}.`,
  approveRule: (who: string) => `${name(who)} approved that one facilitator alone lets people in again.`,
  unapprove: (who: string) => `${name(who)} took an approval back.`,
  role: (who: string, whom: string, as: string) =>
    `${name(who)} did what was approved: ${name(whom)} is now ${as}.`,
  admissionAny: (who: string) => `${name(who)} set that one facilitator lets people in.`,
  admissionParty: (who: string) => `${name(who)} set that a facilitator of each party lets people in.`,
  leave: (who: string) => `${name(who)} asks to be let out.`,
  close: (who: string) => `${name(who)} closed the room. Nothing more can be written.`,
  voided: "A change of the room was taken back by the facilitators.",
  voidAsked: (who: string) => `${name(who)} asks the facilitators to take a change of the room back.`,
  leftBehind: "The room went on with a change that this device cannot follow. What you write waits.",
  ended:
    "The keys of this room are erased from this device. What was said stays here until you delete the room.",
  endedMissing: (names: readonly string[]) =>
    `Not disclosed by ${say.list(names.map(name))}: what they wrote can still be shown to be theirs.`,
  ignored: (who: string, why: string) => `Something by ${name(who)} counts for nobody. ${why}`,
  skipped: (why: string) =>
    `A change of the room is not valid; no member takes it, and it is taken back by itself. ${why}`,
  failed: (why: string) => `Something was not sent. ${why}`,
  unfit: (who: string, what: string) =>
    `Warning: ${name(who)}'s device told the server ${what}, and the members something else. Nobody is let in by it. Ask ${name(who)} by another way, and tell the other facilitators.`,
  operations: {
    "seat-add": "to let a seat connect",
    "seat-remove": "to cut a seat off",
    "seat-set": "who may facilitate",
    mute: "to take no messages from a seat",
    policy: "another rule for keeping messages than the room's",
    "invitation-open": "to open an invitation",
    "invitation-close": "to close an invitation",
    "void-commit": "to take back a change of the room",
    close: "to close the room",
    unknown: "something that cannot be read",
  },
}
