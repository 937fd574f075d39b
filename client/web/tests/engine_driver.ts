/**
 * Engines of the web client behind JSON lines, so that Python can bring them into rooms: a call a line on stdin
 * (`{id, engine, call, words}`), answers and news on stdout, each with its engine.
 *
 * `begin` makes an engine; its profile is in memory, or in a file (`words: [path]`). After each transaction it tells, besides
 * the contract's news, the view as it is stored now, and how much waits. `fail` makes the next decryptions of all engines
 * fail (`words: [times, name]`), `toFail` says how many of them are left.
 */

import { createInterface } from "node:readline"
import { b64u } from "../src/base/bytes.ts"
import { makeEngine, type World } from "../src/model/lobby.ts"
import { mls } from "../src/model/room/membership.ts"
import { loadView } from "../src/model/room/records.ts"
import { memoryProfile } from "../src/model/store/memory.ts"
import type { Profile } from "../src/model/store/profile.ts"
import { fileProfile } from "./file_profile.ts"

interface Call {
  readonly id: number
  readonly engine: string
  readonly call: string
  readonly words: readonly unknown[]
}

const LOOK_MS = 25

// biome-ignore lint/suspicious/noExplicitAny: the test's own calls
const engines = new Map<string, Record<string, (...words: any[]) => Promise<unknown>>>()

const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

function begin(name: string, path: string | undefined): void {
  const world: World = {
    clock: () => Math.floor(Date.now() / 1000),
    lookMs: LOOK_MS,
    openProfile: async () => spied(name, path === undefined ? memoryProfile() : await fileProfile(path)),
    hasProfile: async () => false,
    holdProfile: async () => () => undefined,
  }
  engines.set(name, { ...makeEngine(world, (news) => tell({ engine: name, ...news })) })
}

/** Tells what of a room's view is stored. */
function spied(engine: string, profile: Profile): Profile {
  return {
    ...profile,
    write: async (id, write) => {
      await profile.write(id, write)
      const { outbox, records } = await profile.read(id)
      if (!records.has("head")) return // a knock, a host, a room in the making
      const view = loadView(records)
      const { chain, presence, record, seat, seq, state, time } = view
      const epoch = { epoch: mls.open(view.mls).epoch, serverEpoch: view.clear.epoch }
      const told = {
        items: outbox.size,
        room: id,
        seq,
        time,
        presence,
        state,
        seat: b64u(seat),
        recordSize: record.size,
        ...epoch,
      }
      tell({ engine, news: "stored", chain: b64u(chain), ...told })
    },
  }
}

/** How often the browser's cryptography is still to fail, and how it does then. */
let toFail = { times: 0, name: "" }
const decrypt = crypto.subtle.decrypt.bind(crypto.subtle)
crypto.subtle.decrypt = async (...words) => {
  if (toFail.times === 0) return decrypt(...words)
  toFail = { ...toFail, times: toFail.times - 1 }
  throw new DOMException("the browser failed", toFail.name)
}

async function answer({ call, engine, words }: Call): Promise<object> {
  try {
    if (call === "begin") return { result: begin(engine, (words[0] as string | null) ?? undefined) ?? null }
    if (call === "fail") {
      toFail = { times: Number(words[0]), name: String(words[1]) }
      return { result: null }
    }
    if (call === "toFail") return { result: toFail.times }
    const found = engines.get(engine)?.[call]
    if (found === undefined) throw new RangeError(`no call ${call} of ${engine}`)
    return { result: (await found(...words.map((word) => word ?? undefined))) ?? null }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "internal"
    return { code, sentence: error instanceof Error ? error.stack : String(error) }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const call: Call = JSON.parse(line)
  void answer(call).then((answered) => tell({ id: call.id, ...answered }))
}
process.exit(0)
