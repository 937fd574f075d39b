/** From a link to the room's door. */

import { say } from "./say.ts"

const { name, plural } = say

export const start = {
  lead: "Private rooms for talks between opposing sides",
  how: "You come into a room by an invitation. Open the link that you were sent: nothing is installed, and no phone number or e-mail is asked for.",
  sealed: "What is said in a room is encrypted on your device. This server cannot read it.",
  sees: "All that this server sees",
  unable: "This browser cannot take part",
  unableWhy:
    "It lacks the encryption that rooms need, or this page came over an insecure connection. Open the same link in a current Firefox, Chrome, Edge or Safari.",
  failed: "The page could not start",
  failedWhy: "Load it again. If it stays so, open the link in another browser.",
  reload: "Load again",
  signedOut: "Nothing of Backchannel is on this device now.",
  signedOutMore: "You can close this page.",
  signedOutFailed:
    "Not everything could be deleted. Close all tabs of this page, then delete its data in the browser's settings.",
  elsewhere: "Your rooms are open in another tab",
  elsewhereWhy:
    "They can be open in one tab at a time, so that no message is sent twice. Go on there, or close that tab and press the button.",
  openHere: "Open here",
}

export const invited = {
  title: "You were invited to a conversation",
  lead: "Nothing is installed. No phone number, no e-mail, no account.",
  unknown: "Who invited you, and to what, is encrypted: you see it when you have been let in.",
  name: "Your name in this conversation",
  nameHelp: "The others see it. It can be a pseudonym, if the person who invited you knows it.",
  nameUnfit: "Write a name of 1 to 80 characters, without special signs.",
  stay: "On this device",
  keep: "Keep me signed in here",
  keepHelp: "You can close this page and come back. For a device that only you use.",
  leave: "Leave nothing on this device",
  leaveHelp: "When you close this page, your access and everything you read are gone from here.",
  leaveWarning:
    "You will need a new invitation to come back. Keep this page open for as long as you take part.",
  notKept:
    "This may be a private window: the browser then deletes everything when you close it, and you would need a new invitation.",
  knock: "Ask to come in",
  already: "You have rooms on this device already. This one is added to them.",
  malformed: "This link is not whole",
  malformedWhy:
    "A part of it is missing. Copy it again, from the first to the last character, or ask for a new one.",
}

export const knock = {
  asking: "Your request was sent",
  askingWhy:
    "Waiting for the device of the person who invited you. It answers by itself as soon as that person has Backchannel open.",
  words: "Your three words",
  readAloud: "Call the person who invited you, or meet, and read these words to each other.",
  same: "Both of you must see the same three words. If they differ, somebody else is between you: do not go on, and tell that person.",
  waiting: "Waiting to be let in",
  waitingFor: (parties: readonly string[]) =>
    plural(parties.length, {
      one: `Waiting for a facilitator of party ${say.list(parties.map(name))}.`,
      other: `Waiting for facilitators of the parties ${say.list(parties.map(name))}.`,
    }),
  waitingForFacilitator: "Waiting for a facilitator to compare the words and let you in.",
  goesOn: "You can leave this page open. It goes on by itself.",
  goesOnKept: "You can close this page and come back later: your request stays.",
  as: (called: string) => `You ask to come in as ${name(called)}.`,
  failed: "You could not come in",
  giveUp: "Withdraw",
  forget: "Delete this request",
  admitted: "You were let in. The room is opening…",
}

export const rooms = {
  title: "Your rooms",
  none: "No rooms yet.",
  untitled: "A room that is being made",
  unread: (count: number) => plural(count, { one: "# new message", other: "# new messages" }),
  waiting: (count: number) =>
    plural(count, { one: "# message waits to be sent", other: "# messages wait to be sent" }),
  knocking: (count: number) =>
    plural(count, { one: "# person asks to come in", other: "# people ask to come in" }),
  over: "over",
  trouble: "needs your attention",
  live: "connected",
  requests: "Requests to come in",
  requestAs: (called: string) => `As ${name(called)}`,
  create: "Make a room",
  notLasting: "Nothing of this is kept: when this page closes, it is gone.",
  keepInstead: "Keep me signed in here instead",
  kept: "You stay signed in on this device.",
  wipe: "Leave nothing on this device",
  wipeWhy:
    "Your keys, rooms and messages are deleted from this device at once. To come back you need a new invitation to each room. The others keep what they have.",
  wipeWaiting: "Something is still waiting to be sent. It will not be sent.",
  wipeDo: "Delete everything here",
  choose: "Choose a room.",
}

export const making = {
  title: "Make a room",
  lead: "You will be its facilitator. Everything below can be changed later but the parties.",
  hostTitle: "You can make rooms here",
  hostLead: "The link that you opened lets you make rooms on this server.",
  hostGo: "Go on",
  forgetHost: "Forget this host link",
  roomTitle: "Title of the room",
  roomTitleHelp: "Only members see it, never this server.",
  name: "Your name in the room",
  rules: "Ground rules",
  rulesHelp: "One on each line, at most 12. Everybody accepts them before reading anything.",
  defaultRules: [
    "We listen before we answer.",
    "We speak for ourselves, and to the matter, not against the person.",
    "What is said here stays here, unless its author allows that it is quoted.",
    "Nobody makes pictures or recordings of the conversation.",
    "Trying an idea out is not a commitment.",
    "The facilitators see to it that everybody is heard.",
  ] as readonly string[],
  rulesUnfit: "At most 12 rules, each of at most 300 characters.",
  parties: "Parties",
  partiesHelp: "The sides of the conversation. Each gets a letter.",
  partyName: (letter: string) => `Name of party ${letter}`,
  partyUnfit: "Each party needs a name of its own, of at most 80 characters.",
  addParty: "Add a party",
  removeParty: (letter: string) => `Remove party ${letter}`,
  mine: "You facilitate for",
  neutral: "nobody: I am neutral",
  details: "More settings",
  welcome: "Welcome",
  welcomeHelp: "Everybody reads it when coming in.",
  welcomeUnfit: "The welcome has at most 2,000 characters.",
  defaultWelcome: "",
  retention: "How long messages are kept",
  forever: "until the room is closed",
  afterReading: "Also delete a message when everybody has read it",
  admission: "Who lets people in",
  admissionAny: "any one facilitator",
  admissionParty: "one facilitator of each party",
  admissionPartyLater:
    "One of each party is asked by itself as soon as each party has a facilitator. Until then, any one lets people in.",
  history: "What newcomers see of the conversation so far",
  historyNone: "nothing",
  historyBriefing: "a briefing by a facilitator",
  create: "Make the room",
  suite: "Encryption",
  suiteStrong: "safe against the computers of tomorrow as well",
  suiteClassic: "smaller and faster, for weak connections",
}
