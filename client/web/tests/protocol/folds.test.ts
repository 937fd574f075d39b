import { describe, expect, test } from "vitest"
import { b64u } from "../../src/base/bytes.ts"
import { u64 } from "../../src/base/tls.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/canonical.ts"
import { jcs, parseJcs } from "../../src/protocol/canonical.ts"
import { parseOperation } from "../../src/protocol/operations.ts"
import type { Told } from "../../src/protocol/room/clear.ts"
import { type CommitChange, decideCommit } from "../../src/protocol/room/commit.ts"
import { decide } from "../../src/protocol/room/decide.ts"
import { decideOperation } from "../../src/protocol/room/operations.ts"
import { type FoldCode, FoldRefusal } from "../../src/protocol/room/refusals.ts"
import {
  type At,
  hashOf,
  jsonOf,
  parseState,
  type RoomState,
  type Said,
} from "../../src/protocol/room/state.ts"
import { checkRetraction, decideChat } from "../../src/protocol/room/timeline.ts"
import { fromHex, toHex, vectors } from "../vectors.ts"

type Event = At & {
  readonly seat: string
  readonly id: string
  readonly outcome: { readonly state?: string; readonly refused?: FoldCode }
} & (
    | ({ readonly kind: "governance" } & Said)
    | ({ readonly kind: "chat"; readonly last_intent: number } & Said)
    | { readonly kind: "control"; readonly body: string }
    | ({ readonly kind: "commit" } & CommitChange)
  )

interface History {
  readonly history: {
    readonly name: string
    readonly begins: string | null
    readonly state: JsonObject | null
  }
  readonly events: readonly Event[]
}

const file = vectors<{
  room: string
  people: Readonly<Record<string, { readonly seat: string; readonly keys: JsonObject }>>
  histories: readonly JsonObject[]
}>("folds")

/** Where `keys` is a name, the keys of that name. */
function withKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withKeys)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      name === "keys" && typeof one === "string" ? (file.people[one]?.keys ?? one) : withKeys(one),
    ]),
  )
}

const seqAsId = (seq: number) => b64u(new Uint8Array([...new Uint8Array(8), ...u64(seq)]))

const histories = new Map(
  file.histories.map((one) => {
    const whole = withKeys(one) as unknown as History
    return [whole.history.name, whole]
  }),
)

function eventsOf(name: string | null): readonly Event[] {
  const found = name === null ? undefined : histories.get(name)
  if (found === undefined) return []
  const own = found.events.map((one) => ({
    ...one,
    room: file.room,
    sender: file.people[one.seat]?.seat ?? one.seat,
    event: one.id ?? seqAsId(one.seq),
  }))
  return [...eventsOf(found.history.begins), ...own]
}

interface Folded {
  readonly state: RoomState | null
  /** The SeatAdd and SeatRemove of `by` that end at `seq`. */
  readonly told: { readonly all: readonly Told[]; readonly by: string; readonly seq: number }
}

const toldBefore = ({ told }: Folded, event: Event): readonly Told[] =>
  told.by === event.sender && told.seq + 1 === event.seq ? told.all : []

function telling(room: Folded, event: Event): Folded["told"] {
  if (event.kind !== "control") return room.told
  try {
    const operation = parseOperation(fromHex(event.body))
    if (operation.type !== "SeatAdd" && operation.type !== "SeatRemove") return room.told
    return { all: [...toldBefore(room, event), operation], by: event.sender, seq: event.seq }
  } catch {
    return room.told
  }
}

function step(
  room: Folded,
  event: Event,
): { readonly room: Folded; readonly refused?: FoldCode | undefined } {
  const { state } = room
  const told = telling(room, event)
  if (event.kind === "governance") return { room: { told, state: decide(state, event, event) } }
  if (state === null) throw new FoldRefusal("no-genesis")
  switch (event.kind) {
    case "chat":
      decideChat(state, event, event, event.last_intent)
      return { room: { state, told } }
    case "commit":
      return { room: { told, state: decideCommit(state, event, event, toldBefore(room, event)) } }
    case "control": {
      const isObeyed = state.seats[event.sender]?.operates === true
      const { state: after, unfit } = decideOperation(state, event, fromHex(event.body), isObeyed)
      return { room: { told, state: after }, refused: unfit }
    }
  }
}

function tryStep(room: Folded, event: Event): ReturnType<typeof step> {
  try {
    return step(room, event)
  } catch (error) {
    if (error instanceof FoldRefusal) return { room, refused: error.code }
    throw error
  }
}

const shortHash = (state: RoomState | null): string =>
  state === null ? "" : toHex(hashOf(state).subarray(0, 16))

describe("histories", () => {
  test.each([...histories.keys()])("%s", (name) => {
    let room: Folded = { state: null, told: { all: [], by: "", seq: 0 } }
    for (const event of eventsOf(name)) {
      const before = shortHash(room.state)
      const { refused, room: after } = tryStep(room, event)
      const now = shortHash(after.state)
      const came =
        refused === undefined ? { state: now } : now === before ? { refused } : { refused, state: now }
      expect(came, `seq ${event.seq}`).toEqual(event.outcome)
      // and a joiner folds on to the same
      const state = after.state === null ? null : parseState(parseJcs(jcs(jsonOf(after.state))))
      room = { state, told: after.told }
    }
    const wanted = histories.get(name)?.history.state
    if (wanted !== null) expect(room.state).toEqual(wanted)
  })
})

test("only the author retracts; of a message that never came, anybody may have been", () => {
  const at = { room: file.room, seq: 9, time: 9, sender: "anna", event: "event" }
  checkRetraction(at, "anna")
  checkRetraction(at, undefined)
  expect(() => checkRetraction(at, "boris")).toThrow("role-forbids")
})
