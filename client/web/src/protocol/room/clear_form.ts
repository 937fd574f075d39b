/** What a client follows of the clear log (`Clear`), as it is stored. */

import { boolean, bytes, type Field, list, number, orNil, struct, text, type Value } from "../fields.ts"
import { encodeOperation, parseOperation } from "../operations.ts"
import type { Clear, Told } from "./clear.ts"
import type { Opening } from "./void.ts"

const MANY = 1 << 20
const ID = text(64)
const IDS: Field<ReadonlySet<string>> = {
  read: (reader) => new Set(list(ID, 0, MANY).read(reader)),
  write: (ids) => [...ids],
}

const OPENING: Field<Opening> = struct({
  commit: ID,
  author: ID,
  epoch: number,
  before: ID,
  added: IDS,
  removed: IDS,
  used: boolean,
  asked: IDS,
})

const TOLD: Field<Told> = {
  read: (reader) => parseOperation(reader.bytes(1, MANY)) as Told,
  write: encodeOperation,
}

const FORM = struct({
  epoch: number,
  opening: ID,
  bits: list(struct({ seat: ID, bit: boolean }), 0, MANY),
  gone: IDS,
  openings: list(OPENING, 0, MANY),
  told: struct({
    all: list(struct({ operation: TOLD, event: ID, leaf: orNil(bytes(33)) }), 0, MANY),
    by: ID,
    seq: number,
  }),
})

export const CLEAR: Field<Clear> = {
  read: (reader) => {
    const form: Value<typeof FORM> = FORM.read(reader)
    return { ...form, bits: new Map(form.bits.map(({ bit, seat }) => [seat, bit])) }
  },
  write: (clear) => FORM.write({ ...clear, bits: [...clear.bits].map(([seat, bit]) => ({ seat, bit })) }),
}
