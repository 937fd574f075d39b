/** A server over HTTP, as invitees and those who make rooms need it (PROTOCOL.md, section 12). */

import { type Bytes, concat } from "../../base/bytes.ts"
import { parseServerFrame, type ServerFrame } from "../../protocol/frames.ts"
import {
  type CreateRoom,
  encodeCreateRoom,
  encodeKnock,
  type Knock,
  type Letter,
  MEDIA_TYPE,
  parseMailSoFar,
  parseRoomCreated,
  type RoomCreated,
} from "../../protocol/http.ts"
import { ATTACH_TIMEOUT_S, MAX_FRAME_BYTES } from "../../protocol/limits.ts"
import { CODES, type Code } from "../../protocol/refusals.ts"
import { ClientError, ServerRefused, ServerUnreachable } from "../errors.ts"

const TIMEOUT_MS = 20_000
const MAX_ANSWER_BYTES = 16 * MAX_FRAME_BYTES
const SUBPROTOCOL = "backchannel.v1"

type Hello = Extract<ServerFrame, { readonly type: "Hello" }>

/** All of it throws ServerUnreachable and ServerRefused. */
export interface Host {
  readonly url: string
  /** A new room, for a holder of a token. */
  createRoom(token: string, request: CreateRoom): Promise<RoomCreated>
  /** An invitee's letter, or a look into the mailbox: what is in it. */
  mail(request: Knock): Promise<readonly Letter[]>
  /** What the server says first on a connection: its key and its time. */
  greet(): Promise<Hello>
}

/** The server at an address. Throws `server-address`, `server-without-tls`. */
export function httpHost(address: string): Host {
  const url = serverUrl(address)
  return {
    url,
    createRoom: async (token, request) =>
      read(await post(`${url}/v1/rooms`, encodeCreateRoom(request), token), parseRoomCreated),
    mail: async (request) => read(await post(`${url}/v1/mail`, encodeKnock(request)), parseMailSoFar),
    greet: () => greet(`${url.replace(/^http/, "ws")}/v1/ws`),
  }
}

/** The scheme, name and port of a server's address. */
function serverUrl(address: string): string {
  const parts = URL.canParse(address) ? new URL(address) : undefined
  if (parts === undefined || !/^https?:$/.test(parts.protocol) || parts.hostname === "")
    throw new ClientError("server-address")
  if (parts.protocol === "http:" && !isLocal(parts.hostname)) throw new ClientError("server-without-tls")
  return parts.origin
}

/** Whether a server may be reached without TLS: this machine, or an onion service. */
const isLocal = (hostname: string): boolean =>
  ["localhost", "127.0.0.1", "[::1]"].includes(hostname) || hostname.endsWith(".onion")

interface Answer {
  readonly isOk: boolean
  readonly content: Bytes
}

/** Nothing but the body goes there: no cookie, no address of a page; and nothing is kept. */
export async function post(
  url: string,
  body: Bytes,
  token?: string,
  timeoutMs = TIMEOUT_MS,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: { "Content-Type": MEDIA_TYPE, ...(token && { Authorization: `Bearer ${token}` }) },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { isOk: response.ok, content: await contentOf(response) }
  } catch {
    throw new ServerUnreachable()
  }
}

/** At most so much as an answer may have. */
async function contentOf({ body }: Response): Promise<Bytes> {
  const reader = body?.getReader()
  const pieces: Uint8Array[] = []
  for (let size = 0; reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    pieces.push(value)
    size += value.length
    if (size > MAX_ANSWER_BYTES) {
      await reader.cancel()
      throw new ServerUnreachable()
    }
  }
  return concat(...pieces)
}

/** Throws ServerRefused, and ServerUnreachable for what no server says. */
export function read<T>({ content, isOk }: Answer, parse: (data: Bytes) => T): T {
  try {
    if (isOk) return parse(content)
    const refusal = parseServerFrame(content)
    if (refusal.type === "Refused") throw new ServerRefused(knownCode(refusal.code))
  } catch (error) {
    if (error instanceof ServerRefused) throw error
  }
  throw new ServerUnreachable()
}

/** A code that the catalogues know; what else a server writes is not shown to anybody. */
export const knownCode = (code: string): Code => CODES.find((known) => known === code) ?? "internal"

/** Opens a connection for its first frame alone. */
function greet(url: string): Promise<Hello> {
  const { promise, reject, resolve } = Promise.withResolvers<Hello>()
  const fail = () => reject(new ServerUnreachable())
  const socket = new WebSocket(url, SUBPROTOCOL)
  const timer = setTimeout(fail, ATTACH_TIMEOUT_S * 1000)
  socket.binaryType = "arraybuffer"
  socket.addEventListener("error", fail)
  socket.addEventListener("close", fail)
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
    const hello = helloIn(data)
    if (hello === undefined) fail()
    else resolve(hello)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    socket.close()
  })
}

function helloIn(data: ArrayBuffer | string): Hello | undefined {
  try {
    const frame = parseServerFrame(typeof data === "string" ? new Uint8Array() : new Uint8Array(data))
    return frame.type === "Hello" ? frame : undefined
  } catch {
    return undefined
  }
}
