/** What is hashed or signed, and how it is written (PROTOCOL.md, section 1). */

import { type Bytes, parseUtf8, utf8 } from "../base/bytes.ts"
import { sha256 } from "../base/hash.ts"
import { vector } from "../base/tls.ts"
import { LocalProtocolError, RemoteProtocolError } from "./errors.ts"

export type JsonValue = boolean | number | string | null | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [name: string]: JsonValue
}

const LABEL_PREFIX = "backchannel v1 "
/** How deep the lists and objects of a JSON value may stand in one another. */
const MAX_DEPTH = 32

/** The beginning of every hash and signature input: V("backchannel v1 " || name). */
export const label = (name: string): Bytes => vector(utf8(LABEL_PREFIX + name))

/** H: SHA-256, 32 bytes. */
export const digest = sha256

/** JSON Canonicalization Scheme (RFC 8785); numbers are whole. Throws LocalProtocolError for what has no such form. */
export const jcs = (value: JsonValue): Bytes => utf8(jcsText(value))

/**
 * An object that stands in its canonical form, and no other. Throws `malformed`.
 *
 * Numbers are whole and within ±(2⁵³ − 1), and the depth is bounded, so that programs in any language, with any stack,
 * take and refuse the same.
 */
export function parseJcs(data: Uint8Array): JsonObject {
  try {
    const text = parseUtf8(data)
    const value: unknown = JSON.parse(text)
    if (isJson(value, MAX_DEPTH) && isObject(value) && jcsText(value) === text) return value
  } catch {
    // SyntaxError, a TypeError of UTF-8, a RangeError of the stack, or a lone surrogate: all malformed
  }
  throw new RemoteProtocolError("malformed", "A value is not a JSON object in its canonical form.")
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

function isJson(value: unknown, depth: number): value is JsonValue {
  if (typeof value === "number") return Number.isSafeInteger(value)
  if (typeof value !== "object" || value === null) return true
  return depth > 0 && Object.values(value).every((item) => isJson(item, depth - 1))
}

function jcsText(value: JsonValue): string {
  if (typeof value === "string") return jcsString(value)
  if (typeof value === "number") return jcsNumber(value)
  if (value === null || typeof value === "boolean") return String(value)
  if (Array.isArray(value)) return `[${value.map(jcsText).join(",")}]`
  const object = value as JsonObject
  const members = Object.keys(object).sort() // by UTF-16 code units, as the scheme says
  return `{${members.map((name) => `${jcsString(name)}:${jcsText(object[name] ?? null)}`).join(",")}}`
}

function jcsString(value: string): string {
  if (!value.isWellFormed()) throw new LocalProtocolError("malformed")
  return JSON.stringify(value)
}

function jcsNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw new LocalProtocolError("malformed")
  return String(value)
}
