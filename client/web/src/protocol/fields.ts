/** Types of what stands in frames: each reads one value, or throws `malformed`, and says how it is written. */

import type { Bytes } from "../base/bytes.ts"
import { malformed, type Packable, type Reader } from "./msgpack.ts"

export interface Field<T> {
  readonly read: (reader: Reader) => T
  readonly write: (value: T) => Packable
}

export type Value<F> = F extends Field<infer T> ? T : never

const plain = <T extends Packable>(read: (reader: Reader) => T): Field<T> => ({
  read,
  write: (value) => value,
})

/** From 0 to 2⁵³ − 1. */
export const number: Field<number> = plain((reader) => reader.number())

export const boolean: Field<boolean> = plain((reader) => reader.boolean())

export const numberBetween = (least: number, most: number): Field<number> =>
  plain((reader) => {
    const value = reader.number()
    return value >= least && value <= most ? value : malformed()
  })

export const bytes = (least: number, most: number = least): Field<Bytes> =>
  plain((reader) => reader.bytes(least, most))

/** Of at most so many code points. */
export const text = (most: number): Field<string> => plain((reader) => reader.text(most))

export const orNil = <T>(field: Field<T>): Field<T | null> => ({
  read: (reader) => (reader.nil() ? null : field.read(reader)),
  write: (value) => (value === null ? null : field.write(value)),
})

export const list = <T>(field: Field<T>, least: number, most: number): Field<readonly T[]> => ({
  read: (reader) => {
    const size = reader.array()
    if (size < least || size > most) malformed()
    return Array.from({ length: size }, () => field.read(reader))
  },
  write: (values) => values.map(field.write),
})

// biome-ignore lint/suspicious/noExplicitAny: a field's type is both what it reads and what it writes
type Fields = Readonly<Record<string, Field<any>>>

export type Values<F extends Fields> = { readonly [K in keyof F]: Value<F[K]> }

/** The fields of an array of which `size` items are left. What is not known is stepped over. */
export function readFields<F extends Fields>(
  reader: Reader,
  size: number,
  fields: F,
  required: number,
): Values<F> {
  const all = Object.entries(fields)
  if (size < required) malformed()
  const values = all.map(([name, field], at) => [name, at < size ? field.read(reader) : null])
  for (let at = all.length; at < size; at++) reader.skip()
  return Object.fromEntries(values)
}

export const writeFields = <F extends Fields>(fields: F, values: Values<F>): readonly Packable[] =>
  Object.entries(fields).map(([name, field]) => field.write(values[name]))

/**
 * An array of named fields in their order, with more behind them in later versions. Where fewer are `required`, the
 * last ones, which can all be nil, may have been left out.
 */
export const struct = <F extends Fields>(
  fields: F,
  required: number = Object.keys(fields).length,
): Field<Values<F>> => ({
  read: (reader) => readFields(reader, reader.array(), fields, required),
  write: (values) => writeFields(fields, values),
})
