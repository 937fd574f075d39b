/** One attached connection of one seat, over anything that carries whole frames (PROTOCOL.md, section 4). */

import { type Bytes, equal } from "../../base/bytes.ts"
import { Connection, chooseVersion } from "../../protocol/connection.ts"
import { RemoteProtocolError } from "../../protocol/errors.ts"
import { attachContent, type ClientFrame, type ServerFrame } from "../../protocol/frames.ts"
import { fingerprint, sign } from "../../protocol/keys.ts"
import { ATTACH_TIMEOUT_S } from "../../protocol/limits.ts"
import { ServerRefused, Stopped } from "../errors.ts"
import type { Pipe } from "./pipe.ts"

/** Where a seat attaches, and with which key. `cursor`: everything up to this seq is stored. */
export interface Place {
  readonly room: Bytes
  readonly seat: Bytes
  readonly seatKey: Bytes
  readonly recordKeyFingerprint: Bytes
  readonly cursor: number
}

type Attached = Extract<ServerFrame, { readonly type: "Attached" }>

/** An attached connection. One reader and one writer. */
export class Session {
  readonly #pipe: Pipe
  readonly #connection = new Connection()
  #isClosed = false

  constructor(pipe: Pipe) {
    this.#pipe = pipe
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Throws ServerUnreachable, ServerRefused; and Stopped where the server is another one. */
  async attach(place: Place): Promise<Attached> {
    // a timer that closes the pipe: the frame that is waited for then never comes
    const timer = setTimeout(() => this.close(), ATTACH_TIMEOUT_S * 1000)
    try {
      const hello = await this.receive()
      if (hello.type !== "Hello") throw new ServerRefused("out-of-state")
      const known = fingerprint(hello.recordKey)
      if (!equal(known, place.recordKeyFingerprint)) throw new Stopped("record-key")
      const version = chooseVersion(hello.versions)
      const content = attachContent(version, hello.nonce, place.room, place.seat, known)
      const signature = await sign(place.seatKey, "attach", content)
      this.send({
        type: "Attach",
        version,
        room: place.room,
        seat: place.seat,
        cursor: place.cursor,
        signature,
      })
      const attached = await this.receive()
      if (attached.type !== "Attached") throw new ServerRefused("out-of-state")
      return attached
    } catch (error) {
      throw asRefused(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Returns how many bytes the frame has. */
  send(frame: ClientFrame): number {
    const data = this.#connection.send(frame)
    this.#pipe.send(data)
    return data.length
  }

  /** The next frame. Throws ServerUnreachable, and ServerRefused for the server's last word. */
  async receive(): Promise<ServerFrame> {
    const data = await this.#pipe.receive()
    try {
      const frame = this.#connection.receive(data)
      if (frame.type === "Bye") throw new ServerRefused(frame.code)
      return frame
    } catch (error) {
      throw asRefused(error)
    }
  }

  /** More than once is no error. */
  close(): void {
    this.#isClosed = true
    this.#pipe.close()
  }
}

/** A server that breaks the protocol is refused by us with the same codes. */
const asRefused = (error: unknown): unknown =>
  error instanceof RemoteProtocolError ? new ServerRefused(error.code) : error
