/** The vectors of tests/protocol/vectors, which the Python packages make and must reproduce too. */

import { readFileSync } from "node:fs"
import type { Bytes } from "../src/base/bytes.ts"

const FOLDER = new URL("../../../tests/protocol/vectors/", import.meta.url)

export const vectors = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"))

export const fromHex = (text: string): Bytes => new Uint8Array(Buffer.from(text, "hex"))

export const toHex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

/** Any value, with bytes as hex: the form that vectors have. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && value !== null) return Object.values(value).map(plain)
  return value
}
