/** MLSMessages (RFC 9420, section 6) and ratchet trees as bytes. */

import type { KeyPackage } from "ts-mls/keyPackage.js"
import { decodeMlsMessage, encodeMlsMessage, type MLSMessage } from "ts-mls/message.js"
import type { PrivateMessage } from "ts-mls/privateMessage.js"
import { decodeRatchetTree, encodeRatchetTree, type RatchetTree } from "ts-mls/ratchetTree.js"
import type { Welcome } from "ts-mls/welcome.js"
import { type Bytes, owned } from "../base/bytes.ts"
import { MlsError } from "./errors.ts"

type Decoder<T> = (data: Uint8Array, offset: number) => readonly [T, number] | undefined

/** All of the bytes as one value, with nothing behind it. Throws `mls-malformed`. */
export function decodeAll<T>(data: Uint8Array, decoder: Decoder<T>, what: string): T {
  const decoded = tryToDecode(data, decoder)
  if (decoded === undefined || decoded[1] !== data.length) throw new MlsError("mls-malformed", `not ${what}`)
  return decoded[0]
}

function tryToDecode<T>(data: Uint8Array, decoder: Decoder<T>): readonly [T, number] | undefined {
  try {
    return decoder(data, 0)
  } catch {
    return undefined // it reads beyond the end of what is cut off
  }
}

export const encodeMessage = (message: MLSMessage): Bytes => owned(encodeMlsMessage(message))

export function parsePrivateMessage(data: Uint8Array): PrivateMessage {
  const message = parseMessage(data)
  if (message.wireformat !== "mls_private_message") throw unfit(message)
  return message.privateMessage
}

export function parseKeyPackage(data: Uint8Array): KeyPackage {
  const message = parseMessage(data)
  if (message.wireformat !== "mls_key_package") throw unfit(message)
  return message.keyPackage
}

export function parseWelcome(data: Uint8Array): Welcome {
  const message = parseMessage(data)
  if (message.wireformat !== "mls_welcome") throw unfit(message)
  return message.welcome
}

const parseMessage = (data: Uint8Array): MLSMessage => decodeAll(data, decodeMlsMessage, "an MLSMessage")

const unfit = (message: MLSMessage) =>
  new MlsError("mls-malformed", `an ${message.wireformat} has no place here`)

export const encodeTree = (tree: RatchetTree): Bytes => owned(encodeRatchetTree(tree))

export const parseTree = (data: Uint8Array): RatchetTree =>
  decodeAll(data, decodeRatchetTree, "a ratchet tree")
