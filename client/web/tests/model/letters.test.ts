import { describe, expect, test } from "vitest"
import { b64u, parseUtf8, randomBytes, utf8 } from "../../src/base/bytes.ts"
import {
  ANSWER,
  type Answer,
  CLAIM,
  cutAnswer,
  encodeLetter,
  lastAnswer,
  openLetter,
  parseAnswer,
  parseChallenge,
  parseClaim,
  parseReveal,
  sealAnswer,
  sealLetter,
} from "../../src/model/letters.ts"
import { deriveMailKeys } from "../../src/protocol/invitation.ts"
import { MAX_MAIL_BYTES, MAX_MAIL_STEPS } from "../../src/protocol/limits.ts"

const KEYS = deriveMailKeys({
  secret: randomBytes(32),
  inviterFingerprint: randomBytes(16),
  recordKeyFingerprint: randomBytes(16),
})
const SEAL_SIZE = 28

const large = (welcome: string): Answer => ({ answer: "admitted", state: { welcome }, tree: "AAAA" })
const LARGE = large("“ä🕊”\n".repeat(200_000))
const parts = cutAnswer(LARGE).map(parseAnswer)

describe("an answer in parts", () => {
  test("is whole again, whatever characters it is cut between", () => {
    expect(parts.length).toBeGreaterThan(3)
    for (const part of cutAnswer(LARGE)) expect(part.length).toBeLessThanOrEqual(MAX_MAIL_BYTES - SEAL_SIZE)
    expect(lastAnswer(parts)).toEqual(LARGE)
  })

  test("is cut no smaller than it must be", () => {
    expect(cutAnswer(large("x".repeat(1000)))).toHaveLength(1)
    expect(parts.length).toBeLessThanOrEqual(Math.ceil((encodeLetter(LARGE).length / MAX_MAIL_BYTES) * 1.5))
  })

  test.each([
    ["a part is missing", parts.toSpliced(1, 1)],
    ["the first is missing", parts.slice(1)],
    ["the last is missing", parts.slice(0, -1)],
    ["one came twice", parts.toSpliced(1, 0, parts[1] ?? LARGE)],
    ["two are swapped", [parts[1] ?? LARGE, parts[0] ?? LARGE, ...parts.slice(2)]],
    ["another answer stands between", parts.toSpliced(2, 0, { answer: "waiting", part: 1, of: 3, text: "" })],
    ["a part counts otherwise", parts.map((part, at) => (at === 2 ? { ...part, of: MAX_MAIL_STEPS } : part))],
    ["a part says something else", parts.map((part, at) => (at === 2 ? { ...part, text: '"' } : part))],
  ])("is none where %s", (_, told) => {
    expect(lastAnswer(told)).toBeUndefined()
  })

  test("comes after what was said before, and is said again", () => {
    const waiting: Answer = { answer: "waiting", missing: [["b", "Beta"]] }
    expect(lastAnswer([waiting, ...parts.slice(0, 2)])).toEqual(waiting)
    expect(lastAnswer([waiting, ...parts.slice(0, 2), ...parts])).toEqual(LARGE)
    expect(lastAnswer([...parts, waiting])).toEqual(waiting)
  })

  test("does not stand in a part itself", () => {
    const nested = parseUtf8(encodeLetter({ answer: "admitted", part: 1, of: 2, text: "{}" }))
    const told: readonly Answer[] = [
      { answer: "admitted", part: 1, of: 2, text: nested.slice(0, 5) },
      { answer: "admitted", part: 2, of: 2, text: nested.slice(5) },
    ]
    expect(lastAnswer(told)).toBeUndefined()
  })

  test("of a room that is too large is not sent", () => {
    expect(() => cutAnswer(large("x".repeat(MAX_MAIL_STEPS * MAX_MAIL_BYTES)))).toThrow(
      expect.objectContaining({ code: "too-large" }),
    )
  })

  test("is sealed piece by piece", async () => {
    const sealed = await sealAnswer(KEYS, LARGE)
    const mail = sealed.map((one) => ({
      type: "Mail" as const,
      mailbox: KEYS.mailbox,
      step: ANSWER,
      sealed: one,
    }))
    const opened = await Promise.all(mail.map((one) => openLetter(KEYS, one, ANSWER, parseAnswer)))
    expect(lastAnswer(opened.filter((one) => one !== undefined))).toEqual(LARGE)
  })
})

describe("a letter", () => {
  const claim = { claim_key: b64u(randomBytes(32)), commitment: b64u(randomBytes(32)) }

  test("is read by whoever has the link, at its own step alone", async () => {
    const sealed = await sealLetter(KEYS, CLAIM, encodeLetter(claim))
    const mail = { type: "Mail", mailbox: KEYS.mailbox, step: CLAIM, sealed } as const
    expect(await openLetter(KEYS, mail, CLAIM, parseClaim)).toEqual(claim)
    expect(await openLetter(KEYS, mail, ANSWER, parseAnswer)).toBeUndefined()
    expect(await openLetter(KEYS, { ...mail, step: ANSWER }, ANSWER, parseAnswer)).toBeUndefined()
    expect(await openLetter({ ...KEYS, sealKey: randomBytes(32) }, mail, CLAIM, parseClaim)).toBeUndefined()
    const altered = sealed.with(20, (sealed[20] ?? 0) ^ 1)
    expect(await openLetter(KEYS, { ...mail, sealed: altered }, CLAIM, parseClaim)).toBeUndefined()
  })

  test.each([
    ["nothing", parseClaim, ""],
    ["no JSON", parseChallenge, "challenge"],
    ["what is not canonical", parseClaim, '{"commitment":"", "claim_key":""}'],
    ["a member too many", parseClaim, '{"a":1,"claim_key":"","commitment":""}'],
    ["a member too few", parseChallenge, '{"challenge":""}'],
    ["no KeyPackage", parseReveal, '{"name":"Bo","packages":[],"random":""}'],
    ["too many KeyPackages", parseReveal, '{"name":"Bo","packages":["","","","",""],"random":""}'],
    ["no name", parseReveal, '{"name":"","packages":[""],"random":""}'],
    ["an answer of another kind", parseAnswer, '{"answer":"perhaps"}'],
    ["a part beyond all", parseAnswer, '{"answer":"admitted","of":17,"part":17,"text":""}'],
    ["an endless text", parseAnswer, `{"answer":"admitted","welcome":"${"x".repeat(700_001)}"}`],
    ["depth", parseAnswer, `{"answer":"admitted","state":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`],
  ] as readonly (readonly [string, (content: Uint8Array) => unknown, string])[])(
    "of %s is malformed",
    (_, parse, content) => {
      expect(() => parse(utf8(content))).toThrow(expect.objectContaining({ code: "malformed" }))
    },
  )
})
