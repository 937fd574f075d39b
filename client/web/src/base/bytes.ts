/** Bytes: joining, comparing, writing as text. */

export type Bytes = Uint8Array<ArrayBuffer>

/** Of a key of Ed25519, either half. */
export const KEY_SIZE = 32

const encoder = new TextEncoder()
// not "ignoreBOM: false", which would swallow the mark: what is read is what was written
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Compares in a time that depends on the lengths alone. */
export function equal(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  let difference = 0
  for (let at = 0; at < left.length; at++) difference |= (left[at] ?? 0) ^ (right[at] ?? 0)
  return difference === 0
}

/** The same bytes in an ArrayBuffer of their own, as WebCrypto's types ask for. */
export const owned = (data: Uint8Array): Bytes => new Uint8Array(data)

export const utf8 = (text: string): Bytes => encoder.encode(text)

/** Throws TypeError where the bytes are not UTF-8. */
export const parseUtf8 = (data: Uint8Array): string => decoder.decode(data)

export const randomBytes = (size: number): Bytes => crypto.getRandomValues(new Uint8Array(size))

export function base64(data: Uint8Array): string {
  let binary = ""
  for (let at = 0; at < data.length; at += 0x2000)
    binary += String.fromCharCode(...data.subarray(at, at + 0x2000))
  return btoa(binary)
}

/** The bytes of canonical base64 with padding, or undefined. */
export function parseBase64(text: string): Bytes | undefined {
  try {
    const binary = atob(text)
    const data = new Uint8Array(binary.length)
    for (let at = 0; at < data.length; at++) data[at] = binary.charCodeAt(at)
    return base64(data) === text ? data : undefined
  } catch {
    return undefined
  }
}

/** base64url without padding. */
export const b64u = (data: Uint8Array): string =>
  base64(data).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")

/** The bytes of canonical base64url without padding, or undefined. */
export function readB64u(text: string): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const padding = "=".repeat((4 - (text.length % 4)) % 4)
  return parseBase64(text.replaceAll("-", "+").replaceAll("_", "/") + padding)
}
