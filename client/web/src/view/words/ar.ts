/** Arabic. */

import { acts } from "./ar/acts.ts"
import { invited, knock, making, rooms, start } from "./ar/arrival.ts"
import { common, roles, rolesExplained } from "./ar/common.ts"
import { doors, invitations, members, settings } from "./ar/people.ts"
import { reasonParties, reasons, reasonTime, reasonUnknown } from "./ar/reasons.ts"
import { composer, exposure, files, keyboard, message, room, rules, search } from "./ar/room.ts"
import { say } from "./ar/say.ts"
import type { Catalogue } from "./en.ts"

export const arabic: Catalogue = {
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
