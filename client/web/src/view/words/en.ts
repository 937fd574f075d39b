/** English: the source of all catalogues, and what their shape is. */

import { acts } from "./en/acts.ts"
import { invited, knock, making, rooms, start } from "./en/arrival.ts"
import { common, roles, rolesExplained } from "./en/common.ts"
import { doors, invitations, members, settings } from "./en/people.ts"
import { reasonParties, reasons, reasonTime, reasonUnknown } from "./en/reasons.ts"
import { composer, exposure, files, keyboard, message, room, rules, search } from "./en/room.ts"
import { say } from "./en/say.ts"

export const english = {
  say,
  common,
  roles,
  rolesExplained,
  start,
  invited,
  knock,
  rooms,
  making,
  room,
  message,
  exposure,
  composer,
  files,
  rules,
  search,
  keyboard,
  members,
  doors,
  invitations,
  settings,
  acts,
  reasons,
  reasonUnknown,
  reasonParties,
  reasonTime,
}

/** What every language must have, and nothing else: a missing sentence does not compile. */
export type Catalogue = typeof english
