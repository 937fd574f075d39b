import { beforeAll, describe, expect, test } from "vitest"
import { b64u, randomBytes, utf8 } from "../../src/base/bytes.ts"
import type { Entry } from "../../src/model/contract.ts"
import {
  actsDue,
  isDisclosureDue,
  isGivenUp,
  isPathDue,
  isStillWanted,
  plansDue,
  voidDue,
} from "../../src/model/facilitation/duties.ts"
import { invitationsOf } from "../../src/model/facilitation/invitations.ts"
import { knockingOf, proposalsOf } from "../../src/model/facilitation/lines.ts"
import type { Plan } from "../../src/model/items.ts"
import { INVITE, LED } from "../../src/model/notes.ts"
import type { RoomView } from "../../src/model/room/view.ts"
import { fragmentOf, linkOf } from "../../src/protocol/link.ts"
import type { Act, RoomState, Seat } from "../../src/protocol/room/state.ts"
import { type Entrance, enter } from "./entrance.ts"

const id = (): string => b64u(randomBytes(16))
const [DIA, MAILBOX] = [id(), id()]
const PLAN: Plan = { seat: DIA, package: randomBytes(8), mailbox: MAILBOX, isPath: false }
const PACKAGES = new Map([[DIA, PLAN]])

let entrance: Entrance
let ann: string
let bo: string
let now: number

beforeAll(async () => {
  entrance = await enter(1)
  ann = entrance.view.own
  bo = Object.keys(entrance.view.state?.seats ?? {}).find((seat) => seat !== ann) ?? ""
  now = entrance.view.time
})

function stateOf(changed: Partial<RoomState> = {}): RoomState {
  const { state } = entrance.view
  if (state === null) throw new RangeError("no state")
  return { ...state, ...changed }
}

const viewOf = (changed: Partial<RoomState> = {}, own = ann): RoomView => ({
  ...entrance.view,
  own,
  state: stateOf(changed),
  clear: { ...entrance.view.clear, opening: entrance.view.opening },
})

/** The seats, with Bo as a facilitator who has accepted the rules, if nothing else is said. */
const seatsWith = (ofBo: Partial<Seat> = {}): RoomState["seats"] => {
  const { seats } = stateOf()
  const known = seats[bo]
  if (known === undefined) throw new RangeError("no Bo")
  return { ...seats, [bo]: { ...known, role: "facilitator", accepted: 1, ...ofBo } }
}

const invitation = () =>
  ({ role: "participant", party: null, scope: null, expires: now + 60, by: ann }) as const

const addOf = (): Act => {
  const keys = stateOf().seats[ann]?.keys
  if (keys === undefined) throw new RangeError("no keys")
  const reference = b64u(randomBytes(32))
  const who = {
    seat: DIA,
    name: "Dia",
    role: "participant",
    mailbox: MAILBOX,
    keys,
    package: reference,
  } as const
  return { act: "add", rule_version: 1, expires: now + 600, ...who }
}

const approved = (act: Act, ...by: readonly string[]): RoomState["approvals"] =>
  Object.fromEntries(by.map((seat, at) => [id(), { act, by: seat, since: now - 10 + at }]))

const act = (kind: "remove" | "role", seat: string, more: Partial<Act> = {}): Act => ({
  act: kind,
  rule_version: 1,
  expires: now + 600,
  seat,
  ...more,
})

describe("a facilitator's client commits", () => {
  test("who leaves, and whose removal is approved, once each, and never itself", () => {
    const approvals = approved(act("remove", bo), ann)
    const removal = { seat: bo, package: null, mailbox: null, isPath: false }
    expect(plansDue(viewOf({ approvals }), PACKAGES, now)).toEqual([removal])
    expect(plansDue(viewOf({ approvals, leaving: [bo] }), PACKAGES, now)).toEqual([removal])
    expect(
      plansDue(viewOf({ leaving: [ann], approvals: approved(act("remove", ann), bo) }), PACKAGES, now),
    ).toEqual([])
  })

  test("whom it may let in, of whom it has the KeyPackage", () => {
    const state = { invitations: { [MAILBOX]: invitation() }, approvals: approved(addOf(), ann) }
    expect(plansDue(viewOf(state), PACKAGES, now)).toEqual([PLAN])
    expect(plansDue(viewOf(state), new Map(), now)).toEqual([])
    expect(plansDue(viewOf({ ...state, approvals: {} }), PACKAGES, now)).toEqual([])
    expect(plansDue(viewOf({ ...state, invitations: {} }), PACKAGES, now)).toEqual([])
    expect(plansDue(viewOf(state), PACKAGES, now + 61)).toEqual([])
    const named = approved({ ...addOf(), name: "ann" }, ann)
    expect(plansDue(viewOf({ ...state, approvals: named }), PACKAGES, now)).toEqual([])
  })

  test.each([
    ["it does not facilitate", () => viewOf({ leaving: [DIA] }, bo)],
    ["the room is closed", () => viewOf({ leaving: [bo], closed: 5 })],
    ["it has not accepted the rules", () => viewOf({ leaving: [bo], rules: { version: 2, lines: [] } })],
    ["a commit is skipped", () => ({ ...viewOf({ leaving: [bo] }), opening: id() })],
    ["the room has not begun", () => ({ ...viewOf(), state: null })],
  ])("nothing where %s", (_, view) => {
    expect(plansDue(view(), PACKAGES, now)).toEqual([])
    expect(actsDue(view(), now)).toEqual([])
  })
})

describe("a change of role", () => {
  const change = () => act("role", DIA, { role: "observer" })
  const seats = () => ({ ...seatsWith(), [DIA]: { ...seatsWith()[bo], role: "participant" } as Seat })

  test("is done by who approved last; the other waits a minute", () => {
    const state = { seats: seats(), approvals: approved(change(), ann, bo) }
    const due = [{ ...change(), expires: 0 }]
    expect(actsDue(viewOf(state, bo), now)).toEqual(due)
    expect(actsDue(viewOf(state), now)).toEqual([])
    expect(actsDue(viewOf(state), now + 50)).toEqual([])
    expect(actsDue(viewOf(state), now + 51)).toEqual(due)
  })

  test("is not done by whom it is about, nor of somebody who is gone", () => {
    const ofBo = approved(act("role", bo, { role: "participant" }), ann)
    expect(actsDue(viewOf({ seats: seats(), approvals: ofBo }, bo), now + 600)).toEqual([])
    expect(actsDue(viewOf({ approvals: approved(change(), ann) }), now)).toEqual([])
  })
})

test("a rule that is loosened is due where it was strict", () => {
  const rule: Act = { act: "rule", rule_version: 1, expires: now + 600, admission: "any" }
  const approvals = approved(rule, ann)
  expect(actsDue(viewOf({ approvals, admission: { rule: "party", version: 1 } }), now)).toHaveLength(1)
  expect(actsDue(viewOf({ approvals }), now)).toEqual([])
})

test("a closed room's keys are disclosed once", () => {
  expect(isDisclosureDue(viewOf({ closed: 5 }))).toBe(true)
  expect(isDisclosureDue(viewOf({ closed: 5, disclosed: [ann] }))).toBe(false)
  expect(isDisclosureDue(viewOf())).toBe(false)
})

test("nobody is given up under the rule of any one facilitator, and nothing is voided that was taken", () => {
  expect(isGivenUp(viewOf({ approvals: approved(act("remove", ann), bo) }))).toBe(false)
  expect(voidDue(viewOf())).toBeUndefined()
})

test("who is a party's only voice says that it is there, when others would remove it", () => {
  const parties = [
    { id: "a", name: "Alpha" },
    { id: "b", name: "Beta" },
  ]
  const strict = {
    parties,
    admission: { rule: "party", version: 1 } as const,
    seats: seatsWith({ party: "b" }),
    approvals: approved(act("remove", bo), ann),
  }
  expect(isGivenUp(viewOf(strict, bo))).toBe(true)
  expect(isGivenUp(viewOf(strict))).toBe(false)
})

test("keys are renewed once a week by who writes, and by nobody who is alone", () => {
  const week = 7 * 24 * 3600
  expect(isPathDue(viewOf(), week, true)).toBe(true)
  expect(isPathDue(viewOf(), week - 1, true)).toBe(false)
  expect(isPathDue(viewOf(), week, false)).toBe(false)
  const { [bo]: _, ...alone } = stateOf().seats
  expect(isPathDue(viewOf({ seats: alone }), week, true)).toBe(false)
})

test("a plan is wanted until somebody else has done it", () => {
  expect(isStillWanted(viewOf(), PLAN)).toBe(true)
  expect(isStillWanted(viewOf(), { ...PLAN, seat: bo })).toBe(false)
  expect(isStillWanted(viewOf(), { ...PLAN, seat: bo, package: null })).toBe(true)
  expect(isStillWanted(viewOf(), { ...PLAN, package: null })).toBe(false)
})

test("who knocks and what is proposed say what they lack", () => {
  const knock = { ...addOf(), rule_version: 0, expires: 0 }
  const state = stateOf({
    invitations: { [MAILBOX]: invitation() },
    knocks: { [MAILBOX]: { act: knock, words: [1, 2, 3], by: ann } },
    approvals: {
      ...approved({ ...knock, rule_version: 1, expires: now + 600 }, ann),
      ...approved(act("remove", bo)),
    },
  })
  const [knocking] = knockingOf(state, new Map(), ann, now)
  expect(knocking).toMatchObject({
    mailbox: MAILBOX,
    seat: DIA,
    name: "Dia",
    words: [1, 2, 3],
    isApproved: true,
  })
  expect(knockingOf(state, new Map(), bo, now)[0]?.isApproved).toBe(false)
  const strict = stateOf({
    parties: [{ id: "b", name: "Beta" }],
    admission: { rule: "party", version: 1 },
    seats: seatsWith({ party: "b" }),
    approvals: approved(act("remove", ann), ann),
  })
  expect(proposalsOf(strict, bo, now)).toMatchObject([
    { act: "remove", by: [ann], isApproved: false, missing: ["Beta"] },
  ])
})

describe("an invitation", () => {
  const url = "https://room.example"
  const link = () => linkOf(entrance.knocker.invitation, url)
  const governed = (type: string, body: Readonly<Record<string, unknown>>): Entry => {
    const at = { number: 0, seq: 3, time: now, seat: ann, id: id() }
    return { kind: "governed", ...at, type, body }
  }
  const made = () =>
    governed("invite", { mailbox: MAILBOX, role: "participant", party: null, scope: null, expires: now + 60 })
  const stage = (
    entries: readonly Entry[],
    state: Partial<RoomState>,
    notes = new Map<string, Uint8Array<ArrayBuffer>>(),
    at = now,
  ) => invitationsOf({ entries, state: stateOf(state), notes, url }, at)[0]
  const open = () => ({ invitations: { [MAILBOX]: invitation() } })

  test("has its link while it was not opened", () => {
    const notes = new Map([[INVITE + MAILBOX, utf8(fragmentOf(entrance.knocker.invitation))]])
    expect(stage([made()], open(), notes)).toMatchObject({ stage: "not-opened", by: ann, link: link() })
    expect(stage([made()], open(), notes, now + 60)).toMatchObject({ stage: "expired", link: undefined })
    const knocks = { [MAILBOX]: { act: addOf(), words: [1, 2, 3], by: ann } }
    const waiting = stage([made()], { ...open(), knocks }, notes)
    expect(waiting).toMatchObject({ stage: "waiting", name: "Dia", link: undefined })
  })

  test("is told of that was made before this seat came", () => {
    expect(stage([], open())).toMatchObject({ stage: "not-opened", mailbox: MAILBOX, link: undefined })
  })

  test("is revoked, or over, or led somebody in", () => {
    const revoked = [made(), governed("revoke", { mailbox: MAILBOX })]
    expect(stage(revoked, {})?.stage).toBe("revoked")
    expect(stage([made()], { ...open(), closed: 9 })?.stage).toBe("revoked")
    expect(stage([made()], {})?.stage).toBe("expired")
    const led = new Map([[LED + MAILBOX, utf8(bo)]])
    expect(stage([made()], {}, led)).toMatchObject({ stage: "admitted", name: "Bo" })
    expect(
      stage(
        [made()],
        { past: [{ seat: DIA, name: "Dia", how: "left", seq: 8 }] },
        new Map([[LED + MAILBOX, utf8(DIA)]]),
      )?.name,
    ).toBe("Dia")
  })
})
