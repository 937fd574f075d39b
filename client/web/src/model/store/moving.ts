/** A profile that may move: from one that is gone with the page to one that lasts. One write at a time. */

import { oneByOne } from "../turn.ts"
import type { Profile } from "./profile.ts"
import { StoreError } from "./seal.ts"

export interface MovingProfile extends Profile {
  /**
   * Takes everything to another profile and goes on there. Throws where that has one of the rooms already, or does not
   * store: then it has what it had, and this one goes on.
   */
  moveTo(other: Profile): Promise<void>
}

export function movingProfile(first: Profile): MovingProfile {
  let current = first
  const inTurn = oneByOne()
  return {
    get isLasting() {
      return current.isLasting
    },
    rooms: () => inTurn(() => current.rooms()),
    read: (room) => inTurn(() => current.read(room)),
    part: (room, name) => inTurn(() => current.part(room, name)),
    parts: (room) => inTurn(() => current.parts(room)),
    write: (room, write) => inTurn(() => current.write(room, write)),
    forget: (room) => inTurn(() => current.forget(room)),
    wipe: () => inTurn(() => current.wipe()),
    close: () => current.close(),
    moveTo: (other) =>
      inTurn(async () => {
        await copy(current, other)
        await current.wipe()
        current = other
      }),
  }
}

async function copy(from: Profile, to: Profile): Promise<void> {
  const rows = await from.rooms()
  const there = await to.rooms()
  if ([...rows.keys()].some((room) => there.has(room)))
    throw new StoreError("profile-exists", "This browser keeps one of these rooms already.")
  try {
    for (const [room, row] of rows)
      await to.write(room, { room: row, ...(await from.read(room)), parts: await from.parts(room) })
  } catch (error) {
    // a copy that stayed would be older than the room, and in the way of the next attempt
    await Promise.allSettled([...rows.keys()].map((room) => to.forget(room)))
    throw error
  }
}
