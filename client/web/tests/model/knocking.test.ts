import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { b64u, randomBytes } from "../../src/base/bytes.ts"
import { publicKey } from "../../src/base/ed25519.ts"
import type { Host } from "../../src/model/connection/host.ts"
import { NotAllowed, ServerRefused, ServerUnreachable } from "../../src/model/errors.ts"
import type { Knocker } from "../../src/model/joining.ts"
import { Door } from "../../src/model/knocking.ts"
import {
  ANSWER,
  type Answer,
  CHALLENGE,
  CLAIM,
  cutAnswer,
  encodeLetter,
  REVEAL,
  sealLetter,
} from "../../src/model/letters.ts"
import type { Letter as Mail, Knock as Request } from "../../src/protocol/http.ts"
import { deriveMailKeys, mailContent, wordNumbers } from "../../src/protocol/invitation.ts"
import { verify } from "../../src/protocol/keys.ts"
import { type Entrance, enter } from "./entrance.ts"
import { failToDecrypt } from "./failing.ts"

const LOOK_MS = 2
let entrance: Entrance
let now: number

/** A mailbox at a server: what it answers next, and what it was asked. */
class Mailbox implements Host {
  readonly url = "https://room.example"
  readonly asked: Request[] = []
  readonly mail_: Mail[] = []
  failures: Error[] = []
  serverTime = now

  async createRoom(): Promise<never> {
    throw new RangeError("no room is made here")
  }

  async mail(request: Request): Promise<readonly Mail[]> {
    this.asked.push(request)
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    return [...this.mail_]
  }

  async greet() {
    return {
      type: "Hello" as const,
      versions: [1],
      nonce: randomBytes(32),
      recordKey: randomBytes(32),
      time: this.serverTime,
    }
  }

  async put(step: number, content: Uint8Array): Promise<void> {
    const keys = deriveMailKeys(entrance.knocker.invitation)
    const sealed = await sealLetter(keys, step, content)
    this.mail_.push({ type: "Mail", mailbox: keys.mailbox, step, sealed })
  }

  async answer(answer: Answer): Promise<void> {
    for (const content of cutAnswer(answer)) await this.put(ANSWER, content)
  }
}

interface Told {
  readonly door: Door
  /** The codes of the reasons, at each change. */
  readonly reasons: (string | undefined)[]
  readonly kept: Knocker[]
  readonly entered: string[]
  readonly over: Promise<void>
}

function knock(mailbox: Mailbox, knocker = entrance.knocker, lookMs = LOOK_MS): Told {
  const kept: Knocker[] = []
  const entered: string[] = []
  const reasons: (string | undefined)[] = []
  const doorstep = {
    keep: async (changed: Knocker) => {
      kept.push(changed)
    },
    enter: async (_: Knocker, { view }: { view: { id: string } }) => {
      entered.push(view.id)
    },
    tell: () => reasons.push(door.line("m").reason?.code),
  }
  const door = new Door(mailbox, knocker, doorstep, () => now, lookMs)
  return { door, reasons, kept, entered, over: door.run() }
}

const CHALLENGED = randomBytes(32)
const challenge = (key = entrance.ann.governanceKey, random = CHALLENGED): Uint8Array =>
  encodeLetter({ challenge: b64u(random), governance: b64u(publicKey(key)) })

/** Until the door has looked so often. */
const looked = (mailbox: Mailbox, times: number) =>
  vi.waitFor(() => expect(mailbox.asked.length).toBeGreaterThanOrEqual(times), { timeout: 5000, interval: 5 })

beforeEach(async () => {
  now = Math.floor(Date.now() / 1000)
  entrance = await enter(1)
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe("a knock", () => {
  test("claims until it is answered, reveals once, looks until it is let in", async () => {
    const mailbox = new Mailbox()
    const { door, entered, kept, over } = knock(mailbox)
    await looked(mailbox, 2)
    expect(door.line("m")).toMatchObject({ stage: "asking", words: undefined })
    expect(door.line("m").reason).toEqual({ code: "waiting-for-device" })
    await mailbox.put(CHALLENGE, challenge())
    await vi.waitFor(() => expect(door.line("m").stage).toBe("waiting"), { timeout: 5000 })
    const { invitation, reveal } = entrance.knocker
    expect(door.line("m").words).toEqual(wordNumbers(reveal, CHALLENGED, invitation))
    expect(kept.map((one) => one.challenge)).toEqual([CHALLENGED])
    await mailbox.answer({ answer: "waiting", missing: [["b", "Beta"]] })
    const waiting = { code: "waiting-for-facilitator", parties: ["Beta"] }
    await vi.waitFor(() => expect(door.line("m").reason).toEqual(waiting), { timeout: 5000 })
    await mailbox.answer(entrance.answer)
    await over
    expect(entered).toEqual([entrance.view.id])
    expect(door.line("m")).toMatchObject({ stage: "admitted", room: entrance.view.id, reason: undefined })
    const steps = mailbox.asked.map(({ step }) => step)
    expect(steps.filter((step) => step === REVEAL)).toHaveLength(1)
    expect(steps.lastIndexOf(CLAIM)).toBeLessThan(steps.indexOf(REVEAL))
    expect(steps.slice(steps.indexOf(REVEAL) + 1)).toSatisfy((rest: number[]) =>
      rest.every((step) => step === 0),
    )
  })

  test("is signed with the link's key, then with its own, and sent with the same bytes again", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    const { door } = knock(mailbox)
    await looked(mailbox, 3)
    door.leave()
    const keys = deriveMailKeys(entrance.knocker.invitation)
    for (const { claimKey, mailbox: id, sealed, signature, step, time } of mailbox.asked) {
      const key = step === CLAIM ? keys.authKey : publicKey(entrance.knocker.claimKey)
      verify(key, "mail", mailContent(id, step, time, claimKey, sealed), signature)
      expect(claimKey === null).toBe(step !== CLAIM)
    }
    expect(mailbox.asked[0]?.sealed).toEqual(entrance.knocker.claimMail)
    expect(mailbox.asked[1]?.sealed).toEqual(entrance.knocker.revealMail)
  })
})

describe("a browser that fails at the door", () => {
  const admitted = async (): Promise<Mailbox> => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    await mailbox.answer(entrance.answer)
    return mailbox
  }

  test("is tried again, and the room is entered", async () => {
    const mailbox = await admitted()
    const failed = failToDecrypt(2)
    const { entered, over } = knock(mailbox)
    await over
    expect(failed()).toBe(2)
    expect(entered).toEqual([entrance.view.id])
  })

  test("is no reason to say that the admission does not fit", async () => {
    const mailbox = await admitted()
    failToDecrypt(3)
    const { door, entered, over } = knock(mailbox)
    await over
    expect(entered).toEqual([])
    expect(door.line("m")).toMatchObject({ stage: "failed", reason: { code: "internal" } })
    const again = knock(mailbox)
    await again.over
    expect(again.entered).toEqual([entrance.view.id])
  })
})

describe("a knock that is kept", () => {
  test("goes on after a restart, with the same words", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    const first = knock(mailbox)
    await looked(mailbox, 3)
    first.door.leave()
    const again = knock(mailbox, first.kept[0])
    expect(again.door.line("m").words).toEqual(first.door.line("m").words)
    await mailbox.answer(entrance.answer)
    await again.over
    expect(again.entered).toEqual([entrance.view.id])
    expect(again.kept).toEqual([])
  })

  test("asks for nothing any more when the door is left", async () => {
    const mailbox = new Mailbox()
    const { door, entered, over } = knock(mailbox)
    await looked(mailbox, 1)
    door.leave()
    await mailbox.put(CHALLENGE, challenge())
    await mailbox.answer(entrance.answer)
    await over
    expect(entered).toEqual([])
    expect(door.line("m").stage).toBe("failed")
  })

  test("keeps its words when another challenge comes", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    await mailbox.put(CHALLENGE, challenge(entrance.ann.governanceKey, randomBytes(32)))
    const { door, kept } = knock(mailbox)
    await looked(mailbox, 3)
    door.leave()
    expect(kept.map((one) => one.challenge)).toEqual([CHALLENGED])
  })
})

describe("a knock fails", () => {
  const failed = async (mailbox: Mailbox) => {
    const { door, entered, over } = knock(mailbox)
    await over
    expect(entered).toEqual([])
    expect(door.line("m").stage).toBe("failed")
    return door.line("m").reason
  }

  test("where it is declined", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    await mailbox.answer({ answer: "declined" })
    expect(await failed(mailbox)).toEqual({ code: "declined" })
  })

  test("where somebody else than the inviter answers", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge(randomBytes(32)))
    expect(await failed(mailbox)).toEqual({ code: "inviter-differs" })
  })

  test("where what admits it is not the inviter's room", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    await mailbox.answer({ ...entrance.answer, chain: "" })
    expect(await failed(mailbox)).toEqual({ code: "admission-unfit" })
  })

  test.each(["mailbox-closed", "mailbox-taken", "room-closed"])("where the server says %s", async (code) => {
    const mailbox = new Mailbox()
    mailbox.failures = [new ServerUnreachable(), new ServerRefused(code)]
    expect(await failed(mailbox)).toEqual({ code })
  })

  test.each([
    [0, { code: "expired" }],
    [300, { code: "expired" }],
    [-301, { code: "clock-wrong" }],
    [86_400, { code: "clock-wrong" }],
  ])("as too late, where the server's clock is %i s ahead", async (ahead, expected) => {
    const mailbox = new Mailbox()
    mailbox.serverTime = now + ahead
    mailbox.failures = [new ServerRefused("expired")]
    expect(await failed(mailbox)).toEqual(expected)
  })

  test("as too late or with a wrong clock, where the server does not say its time", async () => {
    const mailbox = new Mailbox()
    mailbox.failures = [new ServerRefused("expired")]
    mailbox.greet = async () => {
      throw new ServerUnreachable()
    }
    expect(await failed(mailbox)).toEqual({ code: "expired-or-clock-wrong" })
  })

  test("where it cannot be stored", async () => {
    const mailbox = new Mailbox()
    await mailbox.put(CHALLENGE, challenge())
    const doorstep = {
      keep: async () => {
        throw new NotAllowed("storage-unavailable")
      },
      enter: async () => undefined,
      tell: () => undefined,
    }
    const door = new Door(mailbox, entrance.knocker, doorstep, () => now, LOOK_MS)
    await door.run()
    expect(door.line("m")).toMatchObject({ stage: "failed", reason: { code: "storage-unavailable" } })
    expect(door.line("m").words).toBeUndefined()
  })
})

test("what nobody with the link wrote is passed over", async () => {
  const mailbox = new Mailbox()
  const strange: Mail = { type: "Mail", mailbox: randomBytes(16), step: CHALLENGE, sealed: randomBytes(200) }
  mailbox.mail_.push(strange, { ...strange, step: ANSWER }, { ...strange, sealed: new Uint8Array([1]) })
  await mailbox.put(CHALLENGE, new TextEncoder().encode("no letter"))
  await mailbox.put(CHALLENGE, challenge())
  await mailbox.put(ANSWER, challenge())
  await mailbox.answer(entrance.answer)
  const { entered, over } = knock(mailbox)
  await over
  expect(entered).toEqual([entrance.view.id])
})

test.each(["too-fast", "internal", "stopping", "storage-full"])(
  "%s is tried again, and told",
  async (code) => {
    const mailbox = new Mailbox()
    mailbox.failures = [new ServerRefused(code), new ServerUnreachable()]
    const { door, reasons } = knock(mailbox)
    await looked(mailbox, 4)
    expect(reasons).toEqual(["server-unreachable", "waiting-for-device"])
    door.leave()
  },
)

test("what waits long is asked at once when the network is back, and left at once", async () => {
  const mailbox = new Mailbox()
  mailbox.failures = [new ServerUnreachable()]
  const { door, over } = knock(mailbox, entrance.knocker, 3_600_000)
  await looked(mailbox, 1)
  door.look()
  await looked(mailbox, 2)
  door.leave()
  await over
  expect(mailbox.asked).toHaveLength(2)
})
