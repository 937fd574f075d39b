/** Answers for Python's differential tests: one question a line on stdin, one answer a line on stdout. */

import { createInterface } from "node:readline"
import { b64u } from "../src/base/bytes.ts"
import { verifyExactly } from "../src/base/ed25519.ts"
import { jcs, parseJcs } from "../src/protocol/canonical.ts"
import { LOG_EVENT } from "../src/protocol/events.ts"
import { encodeServerFrame, parseServerFrame } from "../src/protocol/frames.ts"
import { parseB64u } from "../src/protocol/ids.ts"
import { pack, unpack } from "../src/protocol/msgpack.ts"
import { encodeOperation, parseOperation } from "../src/protocol/operations.ts"
import { governanceContent, leafOf, openRandomness, operationContent } from "../src/protocol/record/entry.ts"
import { type Clear, firstClear, follow, forgotten } from "../src/protocol/room/clear.ts"
import { isName, nameKey } from "../src/protocol/room/names.ts"

const fromHex = (text: string) => new Uint8Array(Buffer.from(text, "hex"))
const toHex = (data: Uint8Array) => Buffer.from(data).toString("hex")

/** What was read, written again; null where it is refused. */
function again(read: () => Uint8Array): string | null {
  try {
    return toHex(read())
  } catch (error) {
    if (error instanceof Error && error.name === "RemoteProtocolError") return null
    throw error
  }
}

function shown(clear: Clear): unknown {
  return {
    epoch: clear.epoch,
    opening: clear.opening,
    bits: [...clear.bits].map(([seat, bit]) => `${seat} ${bit}`).sort(),
    gone: [...clear.gone].sort(),
    openings: clear.openings.map((one) => ({
      commit: one.commit,
      author: one.author,
      before: one.before,
      epoch: one.epoch,
      used: one.used,
      added: [...one.added].sort(),
      removed: [...one.removed].sort(),
      asked: [...one.asked].sort(),
    })),
  }
}

const entry = (r: string, content: Uint8Array | undefined): unknown =>
  content === undefined ? null : [toHex(content), toHex(leafOf(fromHex(r), content))]

function followAll(room: string, creator: string, events: readonly string[]): readonly unknown[] {
  let clear = firstClear(b64u(fromHex(room)), b64u(fromHex(creator)))
  return events.map((event) => {
    const followed = follow(clear, unpack(fromHex(event), LOG_EVENT.read))
    clear = forgotten(followed.clear)
    return {
      ...(shown(clear) as object),
      verdict: followed.verdict ?? null,
      voided: followed.voided?.commit ?? null,
    }
  })
}

// biome-ignore lint/suspicious/noExplicitAny: what a test asks is the test's own affair
const QUESTIONS: Readonly<Record<string, (...words: any[]) => unknown>> = {
  verify: (key, content, signature) => verifyExactly(fromHex(key), fromHex(content), fromHex(signature)),
  operation: (data) => again(() => encodeOperation(parseOperation(fromHex(data)))),
  frame: (data) => again(() => encodeServerFrame(parseServerFrame(fromHex(data)))),
  event: (data) => again(() => pack(LOG_EVENT.write(unpack(fromHex(data), LOG_EVENT.read)))),
  json: (data) => again(() => jcs(parseJcs(fromHex(data)))),
  b64u: (text) => again(() => parseB64u(text)),
  name: (text) => (isName(text) ? nameKey(text) : null),
  follow: followAll,
  "open randomness": (event) => toHex(openRandomness(fromHex(event))),
  "governance entry": (room, type, body, seat, r) =>
    entry(r, governanceContent(fromHex(room), type, body, fromHex(seat))),
  "operation entry": (room, data, r) =>
    entry(r, operationContent(fromHex(room), parseOperation(fromHex(data)))),
}

for await (const line of createInterface({ input: process.stdin })) {
  const [question, ...words] = JSON.parse(line)
  process.stdout.write(`${JSON.stringify(QUESTIONS[question]?.(...words))}\n`)
}
