/**
 * What works with MLS or with a server. It is fetched behind all that opens a profile, which does not wait for it: see
 * later.ts. Nothing that is fetched first may import it.
 */

import { findAbilities } from "./abilities.ts"
import { acceptRules } from "./acting.ts"
import { attach, fetchAttachment } from "./attaching.ts"
import { httpHost } from "./connection/host.ts"
import { Doors, type DoorsWorld } from "./doors.ts"
import { endRoom } from "./ending.ts"
import * as governing from "./governing.ts"
import { LiveRoom } from "./live.ts"
import { mls } from "./room/membership.ts"
import type { RoomView } from "./room/view.ts"
import { Uploads } from "./uploading.ts"

export const online = {
  LiveRoom,
  acceptRules,
  Uploads,
  attach,
  endRoom,
  fetchAttachment,
  findAbilities,
  governing,
  openDoors,
  openGroups,
}

/** What leads into rooms, with the servers that it needs. */
function openDoors(world: Omit<DoorsWorld, "hostAt">): Doors {
  const hosts = new Map<string, ReturnType<typeof httpHost>>()
  const hostAt = (url: string) => {
    const host = hosts.get(url) ?? httpHost(url)
    hosts.set(url, host)
    return host
  }
  return new Doors({ ...world, hostAt })
}

/** Throws `mls-damaged` where a group that the room keeps cannot be read. */
function openGroups({ mls: group, previous }: RoomView): void {
  for (const one of [group, ...previous.map((ended) => ended.mls)]) mls.open(one)
}
