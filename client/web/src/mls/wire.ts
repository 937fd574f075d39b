/** The MLSMessages (RFC 9420, section 6) that rooms have, and ratchet trees, as bytes. */

import { decodeKeyPackage, encodeKeyPackage, type KeyPackage } from "ts-mls/keyPackage.js"
import { decodePrivateMessage, encodePrivateMessage, type PrivateMessage } from "ts-mls/privateMessage.js"
import { decodeRatchetTree, encodeRatchetTree, type RatchetTree } from "ts-mls/ratchetTree.js"
import { decodeWelcome, encodeWelcome, type Welcome } from "ts-mls/welcome.js"
import { type Bytes, concat, equal, owned } from "../base/bytes.ts"
import { u16 } from "../base/tls.ts"
import { isExhaustion, MlsError, refuse } from "./errors.ts"

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
  } catch (error) {
    if (isExhaustion(error)) throw error
    return undefined // it reads beyond the end of what is cut off
  }
}

/** The most items that all lists of one structure have together, and those of a tree's nodes; the same in Python's. */
const MAX_LIST_ITEMS = 1 << 16
const MAX_TREE_ITEMS = 1 << 20
const MAX_TREE_NODES = (1 << 17) - 1

/** Throws `mls-refused`. */
export function checkLists(value: unknown, most = MAX_LIST_ITEMS): void {
  if (itemsIn(value) > most) refuse("there are more items in lists than all members take")
}

const itemsIn = (value: unknown): number =>
  Array.isArray(value)
    ? value.reduce((sum, one) => sum + itemsIn(one), value.length)
    : typeof value === "object" && value !== null && !(value instanceof Uint8Array)
      ? itemsIn(Object.values(value)) - Object.keys(value).length
      : 0

/** An MLSMessage: its version, its wire format (section 17.2), and what that says. */
const messageOf = (format: number, content: Uint8Array): Bytes => concat(headerOf(format), content)

const headerOf = (format: number): Bytes => concat(u16(1), u16(format))

/** Throws `mls-malformed`, `mls-refused`. */
function contentOf<T>(format: number, data: Uint8Array, decoder: Decoder<T>): T {
  const header = headerOf(format)
  if (!equal(data.subarray(0, header.length), header))
    throw new MlsError("mls-malformed", "it is another kind of message")
  const content = decodeAll(data.subarray(header.length), decoder, "a message of its kind")
  checkLists(content)
  return content
}

const PRIVATE_MESSAGE = 2
const WELCOME = 3
const KEY_PACKAGE = 5

export const encodePrivate = (message: PrivateMessage): Bytes =>
  messageOf(PRIVATE_MESSAGE, encodePrivateMessage(message))

export const encodePackage = (keyPackage: KeyPackage): Bytes =>
  messageOf(KEY_PACKAGE, encodeKeyPackage(keyPackage))

export const encodeOffer = (welcome: Welcome): Bytes => messageOf(WELCOME, encodeWelcome(welcome))

export const parsePrivateMessage = (data: Uint8Array): PrivateMessage =>
  contentOf(PRIVATE_MESSAGE, data, decodePrivateMessage)

export const parseKeyPackage = (data: Uint8Array): KeyPackage =>
  contentOf(KEY_PACKAGE, data, decodeKeyPackage)

export const parseWelcome = (data: Uint8Array): Welcome => contentOf(WELCOME, data, decodeWelcome)

export const encodeTree = (tree: RatchetTree): Bytes => owned(encodeRatchetTree(tree))

export function parseTree(data: Uint8Array): RatchetTree {
  const tree = decodeAll(data, decodeRatchetTree, "a ratchet tree")
  checkLists(tree, MAX_TREE_ITEMS + tree.length)
  if (tree.length > MAX_TREE_NODES) refuse("the tree is larger than all members take")
  return tree
}
