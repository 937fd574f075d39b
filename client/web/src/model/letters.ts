/**
 * What invitee and facilitator write to each other before admission (PROTOCOL.md, section 10).
 *
 * A letter's content is JCS, sealed with the invitation's key. The reveal holds one KeyPackage for each suite that a room
 * may have, since a link does not say which one it has.
 */

import { type Bytes, b64u, parseUtf8, randomBytes, utf8 } from "../base/bytes.ts"
import type { Suite } from "../mls/suites.ts"
import { isObject, type JsonObject, jcs, parseJcs } from "../protocol/canonical.ts"
import { RemoteProtocolError } from "../protocol/errors.ts"
import type { Letter as Mail } from "../protocol/http.ts"
import { type MailKeys, open, seal } from "../protocol/invitation.ts"
import { MAX_MAIL_BYTES, MAX_MAIL_STEPS } from "../protocol/limits.ts"
import { encodeFrontier } from "../protocol/record/merkle.ts"
import { refuse } from "../protocol/room/refusals.ts"
import {
  type Check,
  list,
  natural,
  naturalUpTo,
  type ObjectOf,
  object,
  oneOf,
  optional,
} from "../protocol/room/schema.ts"
import { jsonOf, name } from "../protocol/room/state.ts"
import { ClientError } from "./errors.ts"
import { withoutKeys } from "./room/membership.ts"
import type { RoomView } from "./room/view.ts"

export const CLAIM = 1
export const CHALLENGE = 2
export const REVEAL = 3
export const ANSWER = 4
/** The suites that a room may have; the first is the default. */
export const SUITES: readonly Suite[] = [83, 1]

const NONCE_SIZE = 12
const SEAL_SIZE = NONCE_SIZE + 16
const MAX_PARTS = MAX_MAIL_STEPS
const MAX_TEXT_CHARS = 700_000
const MAX_TREE_CHARS = MAX_PARTS * MAX_MAIL_BYTES

/** Of so many UTF-16 code units at most, counted quickly: much of what is here is long. */
const upTo =
  (most: number): Check<string> =>
  (value) =>
    typeof value === "string" && value.length <= most ? value : refuse("body-malformed")

const longText = upTo(MAX_TEXT_CHARS)
const partNumber = naturalUpTo(MAX_PARTS)

const pairOf =
  <A, B>(first: Check<A>, second: Check<B>): Check<readonly [A, B]> =>
  (value) =>
    Array.isArray(value) && value.length === 2
      ? [first(value[0]), second(value[1])]
      : refuse("body-malformed")

const json: Check<JsonObject> = (value) => (isObject(value) ? value : refuse("body-malformed"))

/** Step 1. `commitment` is `knockCommitment` of the reveal's bytes. */
const CLAIM_MEMBERS = { claim_key: longText, commitment: longText }
/** Step 2: 32 random bytes, and the governance key whose fingerprint the link carries. */
const CHALLENGE_MEMBERS = { challenge: longText, governance: longText }
/** Step 3. `packages` are MLSMessages. */
const REVEAL_MEMBERS = { name, packages: list(longText, 4, 1), random: longText }
/**
 * Step 4. `missing`: ids and names of parties whose facilitator has still to approve.
 *
 * Of an admission: the state right after the commit at `seq`, the chain there, the record's frontier (size, hashes), the
 * id of the commit and whose it is, Welcome and tree. In the state the `keys` of a seat are left out where they are those
 * of its leaf in the tree. What is too large for one piece of mail is sent in parts: `text` is one of `of` pieces of an
 * answer's JSON, in order.
 */
const ANSWER_MEMBERS = {
  answer: oneOf("waiting", "declined", "admitted"),
  missing: optional(list(pairOf(longText, longText))),
  seq: optional(natural),
  time: optional(natural),
  chain: optional(longText),
  commit: optional(longText),
  by: optional(longText),
  record: optional(pairOf(natural, longText)),
  state: optional(json),
  welcome: optional(longText),
  tree: optional(upTo(MAX_TREE_CHARS)),
  part: optional(partNumber),
  of: optional(partNumber),
  text: optional(longText),
}

export type Claim = ObjectOf<typeof CLAIM_MEMBERS>
export type Challenge = ObjectOf<typeof CHALLENGE_MEMBERS>
export type Reveal = ObjectOf<typeof REVEAL_MEMBERS>
export type Answer = ObjectOf<typeof ANSWER_MEMBERS>

/** The parties, with ids and names, that an answer says are awaited. */
export type Missing = NonNullable<Answer["missing"]>

export const encodeLetter = (letter: Claim | Challenge | Reveal | Answer): Bytes => jcs(jsonOf(letter))

const parseWith =
  <T>(check: Check<T>) =>
  (content: Uint8Array): T => {
    try {
      return check(parseJcs(content))
    } catch {
      throw new RemoteProtocolError("malformed", "A letter of an invitation cannot be read.")
    }
  }

/** Each throws `malformed`. */
export const parseClaim = parseWith(object(CLAIM_MEMBERS))
export const parseChallenge = parseWith(object(CHALLENGE_MEMBERS))
export const parseReveal = parseWith(object(REVEAL_MEMBERS))
export const parseAnswer = parseWith(object(ANSWER_MEMBERS))

/** A letter of that step out of its mail; undefined where it is none, or nobody with the link wrote it. */
export async function openLetter<T>(
  keys: MailKeys,
  mail: Mail,
  step: number,
  parse: (content: Uint8Array) => T,
): Promise<T | undefined> {
  if (mail.step !== step) return undefined
  try {
    return parse(await open(keys, step, mail.sealed))
  } catch {
    return undefined
  }
}

/** A piece of mail, as it travels. */
export const sealLetter = (keys: MailKeys, step: number, content: Uint8Array): Promise<Bytes> =>
  seal(keys, step, content, randomBytes(NONCE_SIZE))

/** An answer as sealed mail: one piece, or its parts in order. Throws `too-large`. */
export const sealAnswer = (keys: MailKeys, answer: Answer): Promise<readonly Bytes[]> =>
  Promise.all(cutAnswer(answer).map((content) => sealLetter(keys, ANSWER, content)))

/** The contents of the pieces of mail that carry an answer. */
export function cutAnswer(answer: Answer): readonly Bytes[] {
  const content = encodeLetter(answer)
  if (fits(content)) return [content]
  for (let size = MAX_MAIL_BYTES; ; size = Math.floor((size * 15) / 16)) {
    const texts = cut(content, size)
    if (texts.length > MAX_PARTS) throw new ClientError("too-large")
    const parts = texts.map((piece, at) =>
      encodeLetter({ answer: answer.answer, part: at + 1, of: texts.length, text: piece }),
    )
    if (parts.every(fits)) return parts
    // what had to be escaped took more room
  }
}

const fits = (content: Bytes): boolean => content.length + SEAL_SIZE <= MAX_MAIL_BYTES

/** JSON in pieces of at most `size` bytes, none of which cuts a character. */
function cut(content: Bytes, size: number): readonly string[] {
  const texts: string[] = []
  for (let at = 0; at < content.length; ) {
    let end = Math.min(at + size, content.length)
    while (end < content.length && ((content[end] ?? 0) & 0xc0) === 0x80) end -= 1
    texts.push(parseUtf8(content.subarray(at, end)))
    at = end
  }
  return texts
}

/** The answer that lets somebody in, from the view right after the commit that added the seat. */
export const admissionOf = (view: RoomView, welcome: Bytes, tree: Bytes): Answer => ({
  answer: "admitted",
  seq: view.seq,
  time: view.time,
  chain: b64u(view.chain),
  commit: view.opening,
  by: view.own,
  record: [view.record.size, b64u(encodeFrontier(view.record))],
  state: view.state === null ? {} : withoutKeys(view.state, view.mls),
  welcome: b64u(welcome),
  tree: b64u(tree),
})

/** The last answer that is whole. A part that does not follow ends its answer. */
export function lastAnswer(answers: readonly Answer[]): Answer | undefined {
  let last: Answer | undefined
  let parts: readonly Answer[] = []
  for (const answer of answers) {
    parts = follows(parts, answer) ? [...parts, answer] : numberOf(answer) === 1 ? [answer] : []
    if (parts.length > 0 && parts.length === countOf(answer)) last = assembled(parts) ?? last
  }
  return last
}

const numberOf = (answer: Answer): number => answer.part ?? 1
const countOf = (answer: Answer): number => answer.of ?? 1

const follows = (parts: readonly Answer[], next: Answer): boolean =>
  numberOf(next) > 1 && numberOf(next) === parts.length + 1 && parts.every((one) => one.of === next.of)

/** Undefined where what the parts make up is no answer, or a part again. */
function assembled(parts: readonly Answer[]): Answer | undefined {
  if (parts.length === 1) return parts[0]
  try {
    const whole = parseAnswer(utf8(parts.map((one) => one.text ?? "").join("")))
    return countOf(whole) === 1 ? whole : undefined
  } catch {
    return undefined
  }
}
