/** In a room. */

import { say } from "./say.ts"

const { name, number, plural } = say

export const room = {
  open: "Opening the room…",
  connecting: "Connecting…",
  catchingUp: "Fetching what happened meanwhile…",
  live: "Connected",
  noConnection: "No connection",
  offline: "No connection. It is tried again by itself.",
  over: "This room is over. You can still read it.",
  waiting: (count: number) =>
    plural(count, {
      one: "# message waits. It goes by itself.",
      other: "# messages wait. They go by themselves.",
    }),
  waitingElse: "A change waits. It goes by itself.",
  members: "Members",
  search: "Search",
  settings: "Room settings",
  invitations: "Invitations",
  leave: "Leave the room",
  menu: "Menu of the room",
  knocks: (count: number) =>
    plural(count, { one: "# person asks to come in", other: "# people ask to come in" }),
  proposals: (count: number) =>
    plural(count, { one: "# decision waits for approval", other: "# decisions wait for approval" }),
  look: "Look",
  log: "Conversation",
  start: "This is the beginning of what you see here.",
  newest: "Jump to newest",
  newMessages: (count: number) => plural(count, { one: "# new message", other: "# new messages" }),
  unreadMark: "New since you were here",
  stopped: "This room has stopped",
  stoppedMore: "What you have written is still here. Nothing more is sent.",
  stoppedDo: "What to do",
  keyboard: "Keyboard",
}

export const message = {
  waiting: "waiting",
  sent: "sent",
  seenBy: (count: number) => plural(count, { one: "seen by #", other: "seen by #" }),
  seenByNames: (names: readonly string[]) => `Seen by ${say.list(names.map(name))}`,
  seenByNobody: "Nobody has said yet that they saw it.",
  notSent: "Not sent",
  dismiss: "Take away",
  takeBack: "Put back into the editor",
  retracted: "The author took this message back.",
  expired: "The time of this message is over.",
  reply: "Reply",
  retract: "Take back",
  retractTitle: "Take this message back?",
  retractWhy:
    "It disappears from everybody's devices. Others may have read it already; that it was there stays visible.",
  copyText: "Copy the text",
  actions: (of: string) => `More about the message of ${name(of)}`,
  repliesTo: (of: string) => `In reply to ${name(of)}`,
  repliesToGone: "In reply to an earlier message",
  by: (of: string, at: string) => `${name(of)}, ${at}`,
  heardOne: (of: string, text: string) => `${name(of)}: ${text}`,
  heard: (count: number, names: readonly string[]) =>
    plural(count, {
      one: `# new message from ${say.list(names.map(name))}`,
      other: `# new messages from ${say.list(names.map(name))}`,
    }),
  sentNow: "Sent.",
}

export const exposure = {
  title: "Who reads this, and what may become of it",
  open: "Change",
  line: "Before you write",
  readers: (count: number) =>
    count === 2
      ? "Both of you in the room read this"
      : plural(count, { one: "Only you are here", other: "All # people in the room read this" }),
  readersTitle: "Who reads what you write",
  quotable: "May it be quoted?",
  no: "not to be quoted",
  anonymous: "may be quoted without the name",
  named: "may be quoted with the name",
  noHelp: "It stays between those who are in the room.",
  anonymousHelp: "A summary may use it without saying who wrote it.",
  namedHelp: "A summary may use it and say that you wrote it.",
  keep: "How long is it kept?",
  keepRoom: (rule: string) => `as the room's rule says: ${rule}`,
  keptClosed: "until the room is closed",
  keptFor: (length: string) => `for ${length}`,
  keptRead: "until all have read it",
  keptOr: (one: string, other: string) => `${one}, or ${other}`,
  kept: (how: string) => `kept ${how}`,
  until: (moment: string) => `until ${moment}`,
  lengths: (length: string) => `for ${length} after sending`,
  honest: "A person who reads it can still copy it or photograph the screen.",
  applies: "This holds for every message that you send from now on.",
}

export const composer = {
  label: "Your message",
  placeholder: "Write a message",
  send: "Send",
  tooLong: (over: number) =>
    plural(over, {
      one: `A message has at most ${number(20_000)} characters. This is # too many: send it in parts.`,
      other: `A message has at most ${number(20_000)} characters. This is # too many: send it in parts.`,
    }),
  replyingTo: (of: string) => `Reply to ${name(of)}`,
  stopReply: "Do not reply",
  mayNotWrite: "You are here as an observer: you read, and do not write.",
  notHere: "You cannot write here.",
  keepSigned: "Nothing of this is kept when the page closes.",
}

export const files = {
  attach: "Attach files",
  chosen: "Files that go with the message",
  remove: (of: string) => `Do not send ${name(of)}`,
  pictures: "Place, time and camera are taken out of pictures.",
  documents: "A document may say who wrote it: look into its properties first.",
  preparing: "The files are being encrypted…",
  uploading: (part: string) => `Uploading: ${part}`,
  notUploaded: "Not uploaded",
  again: "Try again",
  cancel: "Cancel",
  show: "Show picture",
  hide: "Hide picture",
  save: "Save",
  fetching: (part: string) => `Fetching: ${part}`,
  alt: (of: string) => `Picture: ${name(of)}`,
  noPicture: "This is no picture that can be shown. It can be saved.",
  picture: "Picture",
  document: "Document",
}

export const rules = {
  title: "Before you read: the ground rules",
  changed: "The ground rules have changed",
  welcome: "Welcome",
  accept: "I accept these rules",
  decline: "Leave the room instead",
  none: "This room has no written rules.",
  kept: (how: string) => `Messages are kept ${how}.`,
  people: (count: number) => plural(count, { one: "# person is here.", other: "# people are here." }),
}

export const search = {
  title: "Search in this room",
  label: "Words to look for",
  none: "Nothing found.",
  found: (count: number) => plural(count, { one: "# message", other: "# messages" }),
  only: "Only this device searches; nothing of it is sent.",
}

export const keyboard = {
  title: "Keyboard",
  rows: [
    ["Enter", "send"],
    ["Shift + Enter", "new line"],
    ["Esc", "close, or do not reply"],
    ["Alt + ↓", "jump to the newest message"],
    ["Alt + F", "search"],
    ["Alt + M", "members"],
    ["Alt + I", "invitations"],
    ["↑ ↓", "from one message to the next, when the conversation has the focus"],
  ] as readonly (readonly [string, string])[],
}
