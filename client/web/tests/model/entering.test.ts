import { afterEach, describe, expect, test, vi } from "vitest"
import { b64u, parseUtf8, randomBytes } from "../../src/base/bytes.ts"
import { generateKey, publicKey } from "../../src/base/ed25519.ts"
import { enterRoom } from "../../src/model/entering.ts"
import { KNOCKER, type Knocker } from "../../src/model/joining.ts"
import type { Answer } from "../../src/model/letters.ts"
import { mls } from "../../src/model/room/membership.ts"
import { isObject, type JsonObject } from "../../src/protocol/canonical.ts"
import { pack, unpack } from "../../src/protocol/msgpack.ts"
import { formOf, hashOf } from "../../src/protocol/room/state.ts"
import { type Entrance, enter } from "./entrance.ts"
import { failToDecrypt } from "./failing.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

describe.each([1, 83] as const)("suite %s", (suite) => {
  test("who is admitted sees the room as its facilitator does", async () => {
    const { answer, knocker, view } = await enter(suite)
    const kept = unpack(pack(KNOCKER.write(knocker)), KNOCKER.read)
    const entered = await enterRoom(kept, answer)
    expect(formOf(entered.view.state)).toBe(formOf(view.state))
    expect(entered.view.window.at(-1)?.stateHash).toEqual(view.state && hashOf(view.state))
    expect([entered.view.seq, entered.view.opening, entered.view.begin]).toEqual([
      view.seq,
      view.opening,
      view.seq,
    ])
    expect(mls.open(entered.view.mls).authenticator).toEqual(mls.open(view.mls).authenticator)
    expect(entered.view.clear.bits).toEqual(
      new Map([
        [view.own, true],
        [entered.view.own, false],
      ]),
    )
    expect(entered.keys).toEqual(knocker.seats.find(({ keys }) => keys.suite === suite)?.keys)
  })
})

const withState = (answer: Answer, changed: JsonObject): Answer => ({
  ...answer,
  state: { ...answer.state, ...changed },
})

/** The answer with one seat changed: Ann's (0), or Bo's (1). */
function withSeat(answer: Answer, leaf: number, changed: JsonObject): Answer {
  const seats = answer.state?.seats
  if (!isObject(seats)) throw new RangeError("no seats")
  const all = Object.entries(seats).map(([id, seat]) => [
    id,
    isObject(seat) && seat.leaf === leaf ? { ...seat, ...changed } : seat,
  ])
  return withState(answer, { seats: Object.fromEntries(all) })
}

const seatsWithout = ({ state }: Answer, leaf: number): JsonObject =>
  Object.fromEntries(
    Object.entries(isObject(state?.seats) ? state.seats : {}).filter(
      ([, seat]) => !isObject(seat) || seat.leaf !== leaf,
    ),
  )

const OTHER_KEY = b64u(publicKey(generateKey()))

const LIES: Readonly<Record<string, (entrance: Entrance) => Answer>> = {
  "another Welcome": ({ answer }) => ({ ...answer, welcome: b64u(randomBytes(400)) }),
  "no Welcome": ({ answer }) => ({ ...answer, welcome: "" }),
  "no base64": ({ answer }) => ({ ...answer, welcome: "%%%" }),
  "another tree": ({ answer }) => ({ ...answer, tree: b64u(randomBytes(400)) }),
  "another room": ({ answer }) => withState(answer, { room: b64u(randomBytes(16)) }),
  "another suite": ({ answer }) => withState(answer, { suite: 83 }),
  "a suite that nobody has": ({ answer }) => withState(answer, { suite: 2 }),
  "no state": ({ answer }) => ({ ...answer, state: {} }),
  "a state with something unknown": ({ answer }) => withState(answer, { more: 1 }),
  "another server": ({ answer }) => withState(answer, { record_key: OTHER_KEY }),
  "another name": ({ answer }) => withSeat(answer, 1, { name: "Mallory" }),
  "another time of coming": ({ answer }) => withSeat(answer, 1, { since: 3 }),
  "other keys of one's own": ({ answer, view }) => withSeat(answer, 1, { keys: { ...keysAt(view, 0) } }),
  "other keys of the inviter": ({ answer, view }) =>
    withSeat(answer, 0, { keys: { ...keysAt(view, 0), governance: OTHER_KEY } }),
  "an inviter who does not facilitate": ({ answer }) => withSeat(answer, 0, { role: "participant" }),
  "a member who is in no roster": ({ answer }) => withState(answer, { seats: seatsWithout(answer, 0) }),
  "without oneself": ({ answer }) => withState(answer, { seats: seatsWithout(answer, 1) }),
  "somebody who is in no tree": ({ answer, view }) =>
    withState(answer, {
      seats: {
        ...(isObject(answer.state?.seats) ? answer.state.seats : {}),
        [b64u(randomBytes(16))]: { ...seatAt(view, 1), leaf: 2 },
      },
    }),
  "a chain that is none": ({ answer }) => ({ ...answer, chain: b64u(randomBytes(31)) }),
  "a commit that is none": ({ answer }) => ({ ...answer, commit: "" }),
  "a record that does not fit its size": ({ answer }) => ({ ...answer, record: [3, ""] }),
}

const seatAt = ({ state }: Entrance["view"], leaf: number): JsonObject =>
  JSON.parse(JSON.stringify(Object.values(state?.seats ?? {}).find((seat) => seat.leaf === leaf)))

const keysAt = (view: Entrance["view"], leaf: number): JsonObject => {
  const { keys } = seatAt(view, leaf)
  return isObject(keys) ? keys : {}
}

test.each(Object.keys(LIES))("nobody enters by %s", async (lie) => {
  const entrance = await enter(1)
  const told = LIES[lie]?.(entrance)
  if (told === undefined) throw new RangeError(lie)
  await expect(enterRoom(entrance.knocker, told)).rejects.toMatchObject({ code: "admission-unfit" })
})

test("nobody enters by an admission that was for somebody else", async () => {
  const [entrance, other] = [await enter(1), await enter(1)]
  await expect(enterRoom(other.knocker, entrance.answer)).rejects.toMatchObject({ code: "admission-unfit" })
})

test("a failure of this browser is no verdict on an admission", async () => {
  const { answer, knocker } = await enter(1)
  failToDecrypt(1)
  await expect(enterRoom(knocker, answer)).rejects.toMatchObject({ name: "UnknownError" })
  expect((await enterRoom(knocker, answer)).view.presence).toBe("present")
})

test("a link of another inviter does not fit the room", async () => {
  const { answer, knocker } = await enter(1)
  const invitation = { ...knocker.invitation, inviterFingerprint: randomBytes(16) }
  const misled: Knocker = { ...knocker, invitation }
  await expect(enterRoom(misled, answer)).rejects.toMatchObject({ code: "admission-unfit" })
})

test("what is kept of a knock says in no error what it holds", async () => {
  const { knocker } = await enter(1)
  const kept = pack(KNOCKER.write(knocker))
  expect(() => unpack(kept.subarray(0, 300), KNOCKER.read)).toThrow(/^malformed: [^\d]*$/)
  expect(parseUtf8(knocker.reveal)).toContain('"name":"Bo"')
})
