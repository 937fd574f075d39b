import { expect, test } from "vitest"
import { answerCalls, callsThrough } from "../../src/model/channel.ts"
import { RemoteProtocolError } from "../../src/protocol/errors.ts"

const CALLS = {
  add: async (one: number, other: number) => one + other,
  slowly: async (word: string) => {
    await new Promise((done) => setImmediate(done))
    return word
  },
  refuse: async () => {
    throw new RemoteProtocolError("muted")
  },
  fail: async () => {
    throw new TypeError("a bug")
  },
}

function connected() {
  const { port1, port2 } = new MessageChannel()
  answerCalls(port1, CALLS)
  port1.start()
  port2.start()
  const calls = callsThrough<typeof CALLS>(port2, ["add", "slowly", "refuse", "fail"])
  return { calls, end: () => port1.close() }
}

test("calls and their answers find each other", async () => {
  const { calls, end } = connected()
  expect(await Promise.all([calls.slowly("late"), calls.add(1, 2)])).toEqual(["late", 3])
  end()
})

test("errors come with their codes", async () => {
  const { calls, end } = connected()
  await expect(calls.refuse()).rejects.toMatchObject({ name: "CallError", code: "muted" })
  await expect(calls.fail()).rejects.toMatchObject({ code: "internal" })
  end()
})
