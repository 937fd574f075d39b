import { expect, test } from "vitest"
import { encodeCreateRoom, encodeKnock, parseMailSoFar, parseRoomCreated } from "../../src/protocol/http.ts"
import { pack } from "../../src/protocol/msgpack.ts"

const ID = new Uint8Array(16).fill(1)
const KEY = new Uint8Array(32).fill(2)
const SIGNATURE = new Uint8Array(64).fill(3)

test("what is asked", () => {
  expect(encodeCreateRoom({ room: ID, seat: ID, seatKey: KEY })).toEqual(pack([ID, ID, KEY]))
  const look = { mailbox: ID, step: 0, sealed: null, claimKey: null, time: 9, signature: SIGNATURE }
  expect(encodeKnock(look)).toEqual(pack([ID, 0, null, null, 9, SIGNATURE]))
})

test("what is answered", () => {
  expect(parseRoomCreated(pack([KEY, "note\n", "later"]))).toEqual({ recordKey: KEY, checkpoint: "note\n" })
  expect(parseMailSoFar(pack([[]]))).toEqual([])
  expect(parseMailSoFar(pack([[[9, ID, 2, KEY]]]))).toEqual([
    { type: "Mail", mailbox: ID, step: 2, sealed: KEY },
  ])
  for (const wrong of [
    [],
    [KEY],
    [[ID]],
    [[[8, ID, 2, KEY]]],
    [[[9, ID, 5, KEY]]],
    [[[9, ID, 2, new Uint8Array()]]],
  ])
    expect(() => parseMailSoFar(pack(wrong))).toThrow("malformed")
})
