/** What counts as refused, and what as a failure of this device, which is tried again. */

import { ValidationError } from "ts-mls/mlsError.js"
import { describe, expect, test, vi } from "vitest"
import { utf8 } from "../../src/base/bytes.ts"
import { generateKey } from "../../src/base/ed25519.ts"
import { guarded, MlsError, refuse } from "../../src/mls/errors.ts"
import type { Group } from "../../src/mls/mls.ts"
import { makeMls } from "../../src/mls/tsmls.ts"
import { decodeAll } from "../../src/mls/wire.ts"

type Step = () => Promise<unknown>

/** A step that fails as it is told, so often, and then comes to its end. */
function failing(fail: Step, times: number): { readonly step: Step; readonly runs: () => number } {
  let runs = 0
  return {
    step: async () => (runs++ < times ? await fail() : "done"),
    runs: () => runs,
  }
}

const caught = (step: Step): Promise<unknown> =>
  step().then(
    () => undefined,
    (error: unknown) => error,
  )

async function wrongTag(): Promise<unknown> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["decrypt"])
  return crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(40))
}

const wrongKey: Step = () => crypto.subtle.importKey("raw", new Uint8Array(5), "AES-GCM", false, ["decrypt"])

const endless = (depth: number): number => endless(depth + 1) + 1

const AT_ONCE: Readonly<Record<string, Step>> = {
  "an error of ts-mls": async () => {
    throw new ValidationError("not lawful")
  },
  "a TypeError": async () => (undefined as unknown as () => void)(),
  "a SyntaxError": async () => JSON.parse("{"),
}

const AT_ONCE_TWICE: Readonly<Record<string, Step>> = {
  "a wrong tag": wrongTag,
  "a key that is none": wrongKey,
}

const EXHAUSTING: Readonly<Record<string, Step>> = {
  "the stack": async () => endless(0),
  memory: async () => new ArrayBuffer(Number.MAX_SAFE_INTEGER),
}

const PASSING: Readonly<Record<string, Step>> = {
  "what was aborted": async () => AbortSignal.abort().throwIfAborted(),
  "what cannot be stored": async () => structuredClone(() => undefined),
  "a part of the program that is not there": () => import(`${"./not"}-there.js`),
  "anything else": async () => {
    throw new Error("the device is tired")
  },
}

describe("guarded", () => {
  test.each(Object.entries(AT_ONCE))("refuses %s at once", async (_, fail) => {
    const { runs, step } = failing(fail, 1)
    await expect(guarded(step)).rejects.toThrow(MlsError)
    expect(runs()).toBe(1)
  })

  test.each(Object.entries(AT_ONCE_TWICE))("refuses %s when it is so twice", async (_, fail) => {
    const twice = failing(fail, 2)
    await expect(guarded(twice.step)).rejects.toThrow(MlsError)
    expect(twice.runs()).toBe(2)
    expect(await guarded(failing(fail, 1).step)).toBe("done")
  })

  test.each(Object.entries(EXHAUSTING))(
    "gives the device time where %s ends, once for each input",
    async (name, fail) => {
      const [data, other] = [utf8(`exhausts ${name}`), utf8(`exhausts ${name} too`)]
      const thrown = await caught(fail)
      for (const one of [data, other]) {
        const first = await caught(() => guarded(fail, one))
        expect(first).toBeInstanceOf(Error)
        expect(first).not.toBeInstanceOf(MlsError)
        expect((first as Error).name).toBe((thrown as Error).name)
      }
      await expect(guarded(fail, data)).rejects.toThrow(MlsError)
      expect(await guarded(failing(fail, 0).step, other)).toBe("done")
      for (const _ of [1, 2, 3]) await expect(guarded(fail)).rejects.not.toThrow(MlsError)
    },
  )

  test.each(Object.entries(PASSING))("throws %s as it is, how often it may be", async (_, fail) => {
    for (const _time of [1, 2, 3]) {
      const thrown = await caught(() => guarded(fail, utf8("the same input")))
      expect(thrown).toBeInstanceOf(Error)
      expect(thrown).not.toBeInstanceOf(MlsError)
    }
  })

  test("keeps what was refused by a rule as it is", async () => {
    const refused = await caught(() => guarded(async () => refuse("a rule")))
    expect(refused).toBeInstanceOf(MlsError)
    expect(refused).toMatchObject({ code: "mls-refused", message: "mls-refused: a rule" })
  })
})

test("reading bytes ends where the stack ends, and not with a verdict on them", () => {
  expect(() => decodeAll(new Uint8Array(3), () => [endless(0), 3] as const, "a number")).toThrow(RangeError)
  expect(() => decodeAll(new Uint8Array(3), () => undefined, "a number")).toThrow(MlsError)
})

describe("a member", () => {
  const nowS = 1_800_000_000
  const mls = makeMls(() => true)
  const someone = () => ({ suite: 1 as const, identity: utf8("somebody"), leafKey: generateKey(), nowS })

  /** Somebody, and a message for her. */
  async function addressed(): Promise<{ readonly group: Group; readonly message: Uint8Array }> {
    const first = await mls.create(utf8("a group"), someone())
    const joining = await mls.makeKeyPackage(someone())
    const wish = { add: [joining.message], remove: [], authenticatedData: new Uint8Array(), paddedTo: 0 }
    vi.setSystemTime(nowS * 1000)
    const { next, welcome } = await mls.commit(first, wish)
    vi.useRealTimers()
    if (welcome === undefined) throw new Error("nobody came")
    const group = await mls.join(joining, welcome.message, welcome.tree)
    return { group, message: (await mls.encrypt(next, utf8("hello"), 256)).message }
  }

  test("reads a message although the browser failed once, and refuses none for a failure", async () => {
    const { group, message } = await addressed()
    const real = crypto.subtle.decrypt.bind(crypto.subtle)
    const failures = ["OperationError", "UnknownError", "UnknownError", "UnknownError"]
    const decrypt = vi.spyOn(crypto.subtle, "decrypt").mockImplementation(async (...words) => {
      const failure = failures.shift()
      if (failure !== undefined) throw new DOMException("the browser failed", failure)
      return real(...words)
    })
    for (const _ of [1, 2, 3])
      await expect(mls.receive(group, message, nowS)).rejects.toMatchObject({ name: "UnknownError" })
    expect(await mls.receive(group, message, nowS)).toMatchObject({
      kind: "application",
      data: utf8("hello"),
    })
    decrypt.mockRestore()
    const altered = message.map((byte, at) => (at === message.length - 1 ? byte ^ 1 : byte))
    await expect(mls.receive(group, altered, nowS)).rejects.toThrow(MlsError)
  })

  test("verifies by itself where the browser cannot", async () => {
    const { group, message } = await addressed()
    const verify = vi
      .spyOn(crypto.subtle, "verify")
      .mockRejectedValue(new DOMException("failed", "UnknownError"))
    expect(await mls.receive(group, message, nowS)).toMatchObject({ kind: "application" })
    expect(verify).toHaveBeenCalled()
    verify.mockRestore()
  })
})
