/**
 * What JSON values must be. A check gives the value with its type, or throws `body-malformed`; a member that is not known
 * makes an object malformed, and all that it stands in.
 */

import { isObject, type JsonObject, type JsonValue } from "../canonical.ts"
import { refuse } from "./refusals.ts"

export type Check<T> = (value: JsonValue) => T

/** A member that may be missing, or null, which is the same; or for which something stands where it is missing. */
interface Optional<T> {
  readonly check: Check<T>
  readonly missing: { readonly value: T } | undefined
}

const malformed = (): never => refuse("body-malformed")

export const natural: Check<number> = (value) =>
  typeof value === "number" && value >= 0 ? value : malformed()

export const naturalUpTo =
  (most: number): Check<number> =>
  (value) => {
    const number = natural(value)
    return number <= most ? number : malformed()
  }

export const boolean: Check<boolean> = (value) => (typeof value === "boolean" ? value : malformed())

/** Of so many code points. */
export const text =
  (least: number, most: number): Check<string> =>
  (value) => {
    if (typeof value !== "string") return malformed()
    const size = [...value].length
    return size >= least && size <= most ? value : malformed()
  }

export const pattern =
  (expression: RegExp, most = Number.POSITIVE_INFINITY): Check<string> =>
  (value) =>
    typeof value === "string" && value.length <= most && expression.test(value) ? value : malformed()

export const oneOf =
  <const T extends string>(...values: readonly T[]): Check<T> =>
  (value) =>
    values.find((one) => one === value) ?? malformed()

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value) =>
    value === null ? null : check(value)

export const list =
  <T>(check: Check<T>, most = Number.POSITIVE_INFINITY, least = 0): Check<readonly T[]> =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.length <= most ? value.map(check) : malformed()

export const mapOf =
  <T>(key: Check<string>, check: Check<T>): Check<Readonly<Record<string, T>>> =>
  (value) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, one]) => [key(name), check(one)]))
      : malformed()

/** Left out where it is missing or null. */
export const optional = <T>(check: Check<T>): Optional<T> => ({ check, missing: undefined })

export const withDefault = <T>(
  check: Check<T>,
  value: T,
): Optional<T> & { readonly missing: { value: T } } => ({
  check,
  missing: { value },
})

// biome-ignore lint/suspicious/noExplicitAny: any check's type is what the object's type is made of
type Members = Readonly<Record<string, Check<any> | Optional<any>>>

type Checked<M> = M extends Check<infer T> ? T : M extends Optional<infer T> ? T : never
type Omitted<M extends Members> = {
  [K in keyof M]: M[K] extends { readonly missing: { value: unknown } }
    ? never
    : M[K] extends Optional<unknown>
      ? K
      : never
}[keyof M]

export type ObjectOf<M extends Members> = {
  readonly [K in Exclude<keyof M, Omitted<M>>]: Checked<M[K]>
} & { readonly [K in Omitted<M>]?: Checked<M[K]> }

export const object =
  <M extends Members>(members: M): Check<ObjectOf<M>> =>
  (value) => {
    if (!isObject(value) || Object.keys(value).some((name) => !Object.hasOwn(members, name)))
      return malformed()
    const checked = Object.entries(members).flatMap(([name, member]) => {
      const found = memberOf(value, name, member)
      return found === undefined ? [] : [[name, found] as const]
    })
    return Object.fromEntries(checked) as ObjectOf<M>
  }

function memberOf(object: JsonObject, name: string, member: Check<unknown> | Optional<unknown>): unknown {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (typeof member === "function") return value === undefined ? malformed() : member(value)
  if (member.missing !== undefined) return value === undefined ? member.missing.value : member.check(value)
  return value === undefined || value === null ? undefined : member.check(value)
}
