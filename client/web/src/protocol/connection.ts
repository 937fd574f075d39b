/**
 * The connection's state machine (PROTOCOL.md, section 4): no input or output, the same table as the server's.
 *
 * A pair that is not in the table is an error and changes nothing: ours when we send (LocalProtocolError), the server's
 * when we receive (RemoteProtocolError).
 */

import type { Bytes } from "../base/bytes.ts"
import { LocalProtocolError, RemoteProtocolError } from "./errors.ts"
import { type ClientFrame, encodeClientFrame, parseServerFrame, type ServerFrame } from "./frames.ts"
import { MAX_FRAME_BYTES, PROTOCOL_VERSION } from "./limits.ts"

export type State = "greeting" | "attaching" | "answering" | "replaying" | "live" | "closed"

/** What the table knows of a frame: its sender and type, and of Events whether they are live. */
export type Symbol =
  | `client ${ClientFrame["type"]}`
  | `server ${Exclude<ServerFrame["type"], "Events">}`
  | "server Events, live false"
  | "server Events, live true"

const talk = (state: State): Readonly<Partial<Record<Symbol, State>>> => ({
  "client Submit": state,
  "client Cursor": state,
  "client Mail": state,
  "server Ack": state,
  "server Refused": state,
  "server Mail": state,
  "server Checkpoint": state,
  "server Bye": "closed",
})

/** Every pair that has a meaning, and the state after it. */
export const TABLE: Readonly<Record<State, Readonly<Partial<Record<Symbol, State>>>>> = {
  greeting: { "server Hello": "attaching", "server Bye": "closed" },
  attaching: { "client Attach": "answering", "server Bye": "closed" },
  answering: { "server Attached": "replaying", "server Bye": "closed" },
  replaying: {
    ...talk("replaying"),
    "server Events, live false": "replaying",
    "server Events, live true": "live",
  },
  live: { ...talk("live"), "server Events, live true": "live" },
  closed: {},
}

export function symbolOf(frame: ServerFrame): Symbol {
  if (frame.type === "Events") return frame.live ? "server Events, live true" : "server Events, live false"
  return `server ${frame.type}`
}

/** The client's side of a connection. */
export class Connection {
  #state: State = "greeting"

  get state(): State {
    return this.#state
  }

  /** The bytes of a frame to send. Throws LocalProtocolError (`out-of-state`, `too-large`). */
  send(frame: ClientFrame): Bytes {
    const following = TABLE[this.#state][`client ${frame.type}`]
    if (following === undefined) throw new LocalProtocolError("out-of-state")
    const data = encodeClientFrame(frame)
    // the server would end the connection, each time it is sent again
    if (data.length > MAX_FRAME_BYTES) throw new LocalProtocolError("too-large")
    this.#state = following
    return data
  }

  /** The frame in received bytes. Throws `malformed`, `too-large`, `out-of-state`. */
  receive(data: Uint8Array): ServerFrame {
    const frame = parseServerFrame(data)
    const following = TABLE[this.#state][symbolOf(frame)]
    if (following === undefined) throw new RemoteProtocolError("out-of-state")
    this.#state = following
    return frame
  }
}

/** The version that this program and the server share. Throws `version`. */
export function chooseVersion(offered: readonly number[]): number {
  if (!offered.includes(PROTOCOL_VERSION)) throw new RemoteProtocolError("version")
  return PROTOCOL_VERSION
}
