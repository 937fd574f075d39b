import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, test } from "vitest"
import { b64u, randomBytes } from "../../src/base/bytes.ts"
import { httpHost } from "../../src/model/connection/host.ts"
import { parseHostLink, placeOfHost } from "../../src/model/hosting.ts"
import { encodeServerFrame } from "../../src/protocol/frames.ts"
import { pack } from "../../src/protocol/msgpack.ts"

const TOKEN = b64u(randomBytes(32))

describe("a host link", () => {
  test("is a server's address and a token", () => {
    const link = parseHostLink(`  https://room.example:8443/host#${TOKEN}\n`)
    expect(link).toEqual({ url: "https://room.example:8443", token: TOKEN })
    expect(placeOfHost(link)).toBe(placeOfHost({ ...link, token: "another" }))
    expect(placeOfHost(link)).not.toBe(placeOfHost({ ...link, url: "https://room.example" }))
  })

  test.each([
    `https://room.example/host#${TOKEN.slice(1)}`,
    `https://room.example/host#${TOKEN}.`,
    `https://room.example/i#${TOKEN}`,
    `https://room.example/host?a#${TOKEN}`,
    `https://room.example@other.example/host#${TOKEN}`,
    `ftp://room.example/host#${TOKEN}`,
    "https://room.example/host",
    "no link",
  ])("is not %s", (link) => {
    expect(() => parseHostLink(link)).toThrow(expect.objectContaining({ code: "host-link" }))
    expect(() => parseHostLink(link)).not.toThrow(TOKEN.slice(1))
  })
})

test.each([
  ["http://room.example", "server-without-tls"],
  ["ftp://room.example", "server-address"],
  ["room.example", "server-address"],
  ["", "server-address"],
])("a server is not reached at %s", (address, code) => {
  expect(() => httpHost(address)).toThrow(expect.objectContaining({ code }))
})

test.each(["https://room.example", "http://localhost:80", "http://127.0.0.1:8000/path", "http://abc.onion"])(
  "a server is reached at %s",
  (address) => {
    expect(httpHost(address).url).toBe(new URL(address).origin)
  },
)

describe("a server's answer", () => {
  let server: Server | undefined
  afterEach(() => server?.close())

  async function answering(status: number, ...pieces: readonly Uint8Array[]): Promise<string> {
    server = createServer((_, response) => {
      response.writeHead(status)
      for (const piece of pieces) response.write(piece)
      response.end()
    }).listen(0, "127.0.0.1")
    await new Promise((resolve) => server?.once("listening", resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const request = { room: randomBytes(16), seat: randomBytes(16), seatKey: randomBytes(32) }
  const refusal = (code: string): Uint8Array =>
    encodeServerFrame({
      type: "Refused",
      id: null,
      code,
      sentence: "Do as I say.",
      cause: null,
      retryAfterS: null,
    })

  test.each([
    ["bad-token", "bad-token"],
    ["please-pay-here", "internal"],
    ["constructor", "internal"],
  ])("that refuses with %s is %s, and its sentence is nobody's", async (told, code) => {
    const asking = httpHost(await answering(403, refusal(told))).createRoom(TOKEN, request)
    const error: unknown = await asking.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: "ServerRefused", code })
    expect(String(error)).not.toMatch(/Do as I say|[A-Za-z0-9_-]{43}/)
  })

  test.each([
    ["garbage", 200, new TextEncoder().encode("<html>")],
    ["nothing", 200, new Uint8Array()],
    ["an answer to something else", 201, pack([1, 2, 3])],
    ["a refusal that cannot be read", 500, new TextEncoder().encode("Internal Server Error")],
    ["a frame that refuses nothing", 403, encodeServerFrame({ type: "Checkpoint", note: "" })],
    ["a redirection", 302, new Uint8Array()],
  ] as const)("of %s is none", async (_, status, content) => {
    const asking = httpHost(await answering(status, content)).createRoom(TOKEN, request)
    await expect(asking).rejects.toMatchObject({ code: "server-unreachable" })
  })

  test("that does not end is not read to its end", async () => {
    const piece = new Uint8Array(1 << 20)
    const asking = httpHost(await answering(200, ...Array.from({ length: 20 }, () => piece))).createRoom(
      TOKEN,
      request,
    )
    await expect(asking).rejects.toMatchObject({ code: "server-unreachable" })
  })

  test("is not there where nobody listens", async () => {
    const url = await answering(200)
    await new Promise((resolve) => server?.close(resolve))
    await expect(httpHost(url).createRoom(TOKEN, request)).rejects.toMatchObject({
      code: "server-unreachable",
    })
    await expect(httpHost(url).greet()).rejects.toMatchObject({ code: "server-unreachable" })
  })
})
