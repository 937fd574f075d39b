/** A profile in a file, for tests in Node: each write is one line, on disk before it counts; a line that was cut off never was. */

import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync } from "node:fs"
import { type Bytes, base64, parseBase64 } from "../src/base/bytes.ts"
import { memoryProfile } from "../src/model/store/memory.ts"
import type { Profile, Write } from "../src/model/store/profile.ts"

type Rows = readonly (readonly [key: string | number, value: string | null])[]
interface Line {
  readonly room: string
  readonly own: string | null
  readonly records: Rows
  readonly timeline: Rows
  readonly outbox: Rows
  readonly parts: Rows
  readonly forgotten: boolean
}

/** The profile in a file, made where there is none. */
export async function fileProfile(path: string): Promise<Profile> {
  const memory = memoryProfile()
  for (const line of linesOf(path)) await (line.forgotten ? memory.forget(line.room) : replay(memory, line))
  const file = openSync(path, "a")
  const note = (line: Line): void => {
    appendFileSync(file, `${JSON.stringify(line)}\n`)
    fsyncSync(file)
  }
  return {
    isLasting: true,
    rooms: () => memory.rooms(),
    read: (room) => memory.read(room),
    part: (room, name) => memory.part(room, name),
    parts: (room) => memory.parts(room),
    write: async (room, write) => {
      note(lineOf(room, write))
      await memory.write(room, write)
    },
    forget: async (room) => {
      note({ room, own: null, records: [], timeline: [], outbox: [], parts: [], forgotten: true })
      await memory.forget(room)
    },
    wipe: async () => {
      closeSync(file)
      rmSync(path)
    },
    close: () => closeSync(file),
  }
}

function linesOf(path: string): readonly Line[] {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : []
  return lines.slice(0, -1).map((line) => JSON.parse(line))
}

const lineOf = (room: string, { outbox, parts, records, room: own, timeline }: Write): Line => ({
  room,
  own: own === undefined ? null : base64(own),
  records: rowsOf(records),
  timeline: rowsOf(timeline),
  outbox: rowsOf(outbox),
  parts: rowsOf(parts),
  forgotten: false,
})

const rowsOf = (rows: ReadonlyMap<string | number, Bytes | undefined> = new Map()): Rows =>
  [...rows].map(([key, value]) => [key, value === undefined ? null : base64(value)])

function replay(profile: Profile, { outbox, own, parts, records, room, timeline }: Line): Promise<void> {
  return profile.write(room, {
    ...(own === null ? {} : { room: bytesOf(own) }),
    records: mapOf(records, String),
    timeline: new Map([...mapOf(timeline, Number)].map(([seq, value]) => [seq, value ?? new Uint8Array()])),
    outbox: mapOf(outbox, Number),
    parts: mapOf(parts, String),
  })
}

const mapOf = <K>(rows: Rows, key: (value: unknown) => K): ReadonlyMap<K, Bytes | undefined> =>
  new Map(rows.map(([name, value]) => [key(name), value === null ? undefined : bytesOf(value)]))

const bytesOf = (text: string): Bytes => parseBase64(text) ?? new Uint8Array()
