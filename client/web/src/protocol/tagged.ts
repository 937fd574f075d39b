/** Arrays whose first item is a number that says what the rest is: frames, and operations in clear. */

import type { Bytes } from "../base/bytes.ts"
import { type Field, readFields, type Values, writeFields } from "./fields.ts"
import { malformed, pack, unpack } from "./msgpack.ts"

// biome-ignore lint/suspicious/noExplicitAny: a field's type is both what it reads and what it writes
type AnyField = Field<any>

export interface Shape {
  readonly number: number
  readonly fields: Readonly<Record<string, AnyField>>
  /** How many fields must be there; the others may be nil. */
  readonly required?: number
}

export type Shapes = Readonly<Record<string, Shape>>

/** One of the values that a table of shapes describes, by its `type`. */
export type OneOf<S extends Shapes> = {
  [K in keyof S & string]: { readonly type: K } & Values<S[K]["fields"]>
}[keyof S & string]

/** The arrays of a table of shapes, as a field: they stand in other arrays too. */
export const tagged = <S extends Shapes>(shapes: S): Field<OneOf<S>> => ({
  read: (reader) => {
    const size = reader.array()
    const number = size > 0 ? reader.number() : malformed()
    const [type, shape] = Object.entries(shapes).find(([, one]) => one.number === number) ?? malformed()
    const required = shape.required ?? Object.keys(shape.fields).length
    return { type, ...readFields(reader, size - 1, shape.fields, required) } as unknown as OneOf<S>
  },
  write: (value) => {
    const shape = shapes[value.type]
    if (shape === undefined) throw new RangeError(value.type)
    return [shape.number, ...writeFields(shape.fields, value)]
  },
})

export const encodeTagged = <S extends Shapes>(shapes: S, value: OneOf<S>): Bytes =>
  pack(tagged(shapes).write(value))

/** Throws `malformed`. */
export const parseTagged = <S extends Shapes>(shapes: S, data: Uint8Array): OneOf<S> =>
  unpack(data, tagged(shapes).read)
