import { expect, test } from "vitest"
import { Connection, chooseVersion, type State, TABLE } from "../../src/protocol/connection.ts"
import { type ClientFrame, encodeServerFrame, type ServerFrame } from "../../src/protocol/frames.ts"

const ID = new Uint8Array(16)
const KEY = new Uint8Array(32)
const HELLO: ServerFrame = { type: "Hello", versions: [1], nonce: KEY, recordKey: KEY, time: 1 }
const ATTACH: ClientFrame = {
  type: "Attach",
  version: 1,
  room: ID,
  seat: ID,
  cursor: 0,
  signature: new Uint8Array(64),
}
const ATTACHED: ServerFrame = {
  type: "Attached",
  head: 0,
  epoch: 0,
  opening: ID,
  floor: 0,
  time: 1,
  checkpoint: "",
}
const events = (live: boolean): ServerFrame => ({ type: "Events", events: [], live })
const BYE: ServerFrame = { type: "Bye", code: "stopping", sentence: "" }

const CLIENT_FRAMES: readonly ClientFrame[] = [
  ATTACH,
  { type: "Submit", drafts: [{ id: ID, kind: 1, epoch: 0, opening: ID, body: ID, leaf: null }] },
  { type: "Cursor", seq: 1 },
  { type: "Mail", mailbox: ID, step: 2, sealed: ID },
]
const SERVER_FRAMES: readonly (readonly [string, ServerFrame])[] = [
  ["server Hello", HELLO],
  ["server Attached", ATTACHED],
  ["server Events, live false", events(false)],
  ["server Events, live true", events(true)],
  ["server Ack", { type: "Ack", placed: [{ id: ID, seq: 1, time: 1 }] }],
  [
    "server Refused",
    { type: "Refused", id: ID, code: "muted", sentence: "", cause: null, retryAfterS: null },
  ],
  ["server Mail", { type: "Mail", mailbox: ID, step: 1, sealed: ID }],
  ["server Checkpoint", { type: "Checkpoint", note: "" }],
  ["server Bye", BYE],
]

/** A connection that came into a state by the shortest way. */
function connectionIn(state: State): Connection {
  const connection = new Connection()
  const steps: readonly (readonly [State, () => unknown])[] = [
    ["greeting", () => connection.receive(encodeServerFrame(HELLO))],
    ["attaching", () => connection.send(ATTACH)],
    ["answering", () => connection.receive(encodeServerFrame(ATTACHED))],
    ["replaying", () => connection.receive(encodeServerFrame(events(true)))],
    ["live", () => connection.receive(encodeServerFrame(BYE))],
  ]
  for (const [from, step] of steps) if (connection.state === from && from !== state) step()
  expect(connection.state).toBe(state)
  return connection
}

const STATES = Object.keys(TABLE) as State[]

test.each(STATES)("%s: every pair of the table, and no other", (state) => {
  const row: Readonly<Record<string, State | undefined>> = TABLE[state]
  for (const frame of CLIENT_FRAMES) {
    const connection = connectionIn(state)
    const following = row[`client ${frame.type}`]
    if (following === undefined) expect(() => connection.send(frame)).toThrow("out-of-state")
    else connection.send(frame)
    expect(connection.state).toBe(following ?? state)
  }
  for (const [symbol, frame] of SERVER_FRAMES) {
    const connection = connectionIn(state)
    const following = row[symbol]
    const receive = () => connection.receive(encodeServerFrame(frame))
    if (following === undefined) expect(receive).toThrow("out-of-state")
    else expect(receive()).toEqual(frame)
    expect(connection.state).toBe(following ?? state)
  }
})

test("what cannot be read, or would be too large, changes nothing", () => {
  const connection = connectionIn("live")
  expect(() => connection.receive(new Uint8Array([1]))).toThrow("malformed")
  const body = new Uint8Array(900 * 1024)
  const draft = { id: ID, kind: 1, epoch: 0, opening: ID, body, leaf: null } as const
  expect(() => connection.send({ type: "Submit", drafts: [draft, draft] })).toThrow("too-large")
  expect(connection.state).toBe("live")
})

test("a version that both know", () => {
  expect(chooseVersion([3, 1])).toBe(1)
  expect(() => chooseVersion([2])).toThrow("version")
})
