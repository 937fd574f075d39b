/** What stands on more than one screen. */

import { say } from "./say.ts"

const { name, plural } = say

export const common = {
  product: "Backchannel",
  skip: "Skip to the content",
  language: "Language",
  back: "Back",
  close: "Close",
  cancel: "Cancel",
  more: "More",
  save: "Save",
  add: "Add",
  remove: "Remove",
  copy: "Copy",
  copied: "Copied.",
  copyFailed: "This browser does not let the page copy. Select the text and copy it by hand.",
  share: "Share",
  print: "Print",
  you: "you",
  working: "One moment…",
  optional: "optional",
  newVersion: "There is a new version of this page.",
  useNewVersion: "Use it now",
  noParty: "no party",
  party: (letter: string, called: string) => `party ${name(letter)}: ${name(called)}`,
  /** A role and the party that it is for. */
  roleFor: (role: string, party: string) => `${role}, ${party}`,
  and: (names: readonly string[]) => say.list(names.map(name)),
  people: (count: number) => plural(count, { one: "# person", other: "# people" }),
  unknownPerson: "somebody who is no longer here",
}

export const roles = {
  facilitator: "facilitator",
  participant: "participant",
  interpreter: "interpreter",
  observer: "observer",
  bot: "bot",
}

/** One sentence each, where a role is chosen. */
export const rolesExplained = {
  facilitator: "Guides the talk, lets people in, and can be trusted by one party or by all.",
  participant: "Reads and writes.",
  interpreter: "Reads and writes, and translates for others.",
  observer: "Reads. Cannot write.",
  bot: "A program, not a person.",
}
