/**
 * The whole engine behind JSON lines, so that Python can use it as a page does: one call a line on stdin, answers and news
 * on stdout. Its words are the profile's file and by how many seconds its clock is ahead.
 */

import { createInterface } from "node:readline"
import { answerCalls } from "../src/model/channel.ts"
import { makeEngine } from "../src/model/lobby.ts"
import { memoryProfile } from "../src/model/store/memory.ts"
import { fileProfile } from "./file_profile.ts"

const LOOK_MS = 100
const [path = "", ahead = "0"] = process.argv.slice(2)

const write = (message: unknown): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

const engine = makeEngine(
  {
    lookMs: LOOK_MS,
    clock: () => Math.floor(Date.now() / 1000) + Number(ahead),
    openProfile: async (isLasting) => (isLasting ? fileProfile(path) : memoryProfile()),
    hasProfile: async () => true,
    holdProfile: async () => () => undefined,
  },
  write,
)

const port = {
  postMessage: write,
  addEventListener: (_: "message", listener: (event: MessageEvent) => void): void => {
    createInterface({ input: process.stdin }).on("line", (line) =>
      listener(new MessageEvent("message", { data: JSON.parse(line) })),
    )
  },
}

answerCalls(port, { ...engine })
