/** A profile that is gone with the page: for private windows, and for people who want it so. */

import type { Bytes } from "../../base/bytes.ts"
import type { Kept, Profile, Write } from "./profile.ts"

interface Room {
  room: Bytes | undefined
  readonly records: Map<string, Bytes>
  readonly timeline: Map<number, Bytes>
  readonly outbox: Map<number, Bytes>
  readonly parts: Map<string, Bytes>
}

export function memoryProfile(): Profile {
  const rooms = new Map<string, Room>()
  return {
    isLasting: false,
    rooms: async () =>
      new Map([...rooms].flatMap(([id, { room }]) => (room === undefined ? [] : [[id, room] as const]))),
    read: async (room) => copyOf(rooms.get(room) ?? emptyRoom()),
    part: async (room, name) => rooms.get(room)?.parts.get(name),
    parts: async (room) => new Map(rooms.get(room)?.parts),
    write: async (id, write) => {
      const room = rooms.get(id) ?? emptyRoom()
      rooms.set(id, room)
      apply(room, write)
    },
    forget: async (room) => {
      rooms.delete(room)
    },
    wipe: async () => rooms.clear(),
    close: () => rooms.clear(),
  }
}

const emptyRoom = (): Room => ({
  room: undefined,
  records: new Map(),
  timeline: new Map(),
  outbox: new Map(),
  parts: new Map(),
})

const copyOf = ({ outbox, records, timeline }: Room): Kept => ({
  records: new Map(records),
  timeline: inOrder(timeline),
  outbox: inOrder(outbox),
})

const inOrder = (values: ReadonlyMap<number, Bytes>): ReadonlyMap<number, Bytes> =>
  new Map([...values].sort(([one], [other]) => one - other))

function apply(room: Room, { outbox, parts, records, room: own, timeline }: Write): void {
  if (own !== undefined) room.room = own
  change(room.records, records)
  change(room.timeline, timeline)
  change(room.outbox, outbox)
  change(room.parts, parts)
}

function change<K>(kept: Map<K, Bytes>, changes: ReadonlyMap<K, Bytes | undefined> = new Map()): void {
  for (const [key, value] of changes)
    if (value === undefined) kept.delete(key)
    else kept.set(key, value)
}
