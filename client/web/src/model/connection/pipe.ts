/** A WebSocket that carries whole frames (PROTOCOL.md, section 4). What comes waits in order until it is read. */

import type { Bytes } from "../../base/bytes.ts"
import { ServerUnreachable } from "../errors.ts"

const SUBPROTOCOL = "backchannel.v1"
const OPEN_MS = 20_000
/** A server that sends more than is read is cut off; the next connection goes on where the ledger says. */
const MAX_WAITING_BYTES = 64 << 20

/** Carries whole frames. */
export interface Pipe {
  /** A pipe that breaks here is found out by who receives, after all that came before. */
  send(data: Bytes): void
  /** The next frame. Throws ServerUnreachable when there will be none. */
  receive(): Promise<Bytes>
  /** More than once is no error. What came before is still there to be received. */
  close(): void
}

/** Throws ServerUnreachable. */
export function openPipe(serverUrl: string): Promise<Pipe> {
  const { promise, reject, resolve } = Promise.withResolvers<Pipe>()
  const socket = socketTo(`${serverUrl.replace(/^http/, "ws")}/v1/ws`)
  if (socket === undefined) return Promise.reject(new ServerUnreachable())
  const pipe = pipeOver(socket)
  const timer = setTimeout(() => socket.close(), OPEN_MS)
  socket.addEventListener("open", () => resolve(pipe))
  socket.addEventListener("close", () => reject(new ServerUnreachable()))
  return promise.finally(() => clearTimeout(timer))
}

function socketTo(address: string): WebSocket | undefined {
  try {
    const socket = new WebSocket(address, SUBPROTOCOL)
    socket.binaryType = "arraybuffer"
    return socket
  } catch {
    return undefined // an address that no browser would connect to
  }
}

function pipeOver(socket: WebSocket): Pipe {
  const waiting: Bytes[] = []
  let size = 0
  let isOver = false
  let reader: PromiseWithResolvers<void> | undefined
  const tell = () => reader?.resolve()
  const end = () => {
    isOver = true
    tell()
  }
  socket.addEventListener("close", end)
  socket.addEventListener("error", end)
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
    // text is no frame: it is read as one, and refused
    const frame = typeof data === "string" ? new Uint8Array() : new Uint8Array(data)
    waiting.push(frame)
    size += frame.length
    if (size > MAX_WAITING_BYTES) socket.close()
    tell()
  })
  return {
    send: (data) => {
      if (socket.readyState === socket.OPEN) socket.send(data)
    },
    receive: async () => {
      while (waiting.length === 0) {
        if (isOver) throw new ServerUnreachable()
        reader = Promise.withResolvers()
        await reader.promise
      }
      const frame = waiting.shift() ?? new Uint8Array()
      size -= frame.length
      return frame
    },
    close: () => {
      socket.close()
      // a server that is not there any more would leave the socket closing for long
      end()
    },
  }
}
