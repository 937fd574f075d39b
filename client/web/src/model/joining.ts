/** The invitee's side: knocking, and coming in (PROTOCOL.md, sections 10 and 11). */

import { type Bytes, b64u, equal, randomBytes } from "../base/bytes.ts"
import { generateKey, publicKey } from "../base/ed25519.ts"
import type { KeyPackageBundle } from "../mls/mls.ts"
import { RemoteProtocolError } from "../protocol/errors.ts"
import { KEY } from "../protocol/events.ts"
import { bytes, type Field, list, orNil, struct, text } from "../protocol/fields.ts"
import { SEALED } from "../protocol/frames.ts"
import type { Knock as Request } from "../protocol/http.ts"
import { parseB64u } from "../protocol/ids.ts"
import { deriveMailKeys, knockCommitment, mailContent, wordNumbers } from "../protocol/invitation.ts"
import { fingerprint, sign } from "../protocol/keys.ts"
import { MAX_MAIL_BYTES } from "../protocol/limits.ts"
import { fragmentOf, type Invitation, parseFragment, parseLink } from "../protocol/link.ts"
import { malformed } from "../protocol/msgpack.ts"
import { isName } from "../protocol/room/names.ts"
import { ClientError, Stopped } from "./errors.ts"
import { type Challenge, CLAIM, encodeLetter, REVEAL, SUITES, sealLetter } from "./letters.ts"
import { generateSeatKeys, newMemberOf } from "./room/keys.ts"
import { mls } from "./room/membership.ts"
import { SEAT_KEYS, type SeatKeys } from "./room/seat_keys.ts"

/** One of the rooms that may stand behind a link: the seat in it, by suite. */
export interface Seat {
  readonly keys: SeatKeys
  readonly bundle: KeyPackageBundle
}

/**
 * All that an invitee must keep until it is admitted. `reveal` is the content of step 3; `claimMail` and `revealMail` are
 * steps 1 and 3 as they are sent, and sent again.
 */
export interface Knocker {
  readonly serverUrl: string
  readonly invitation: Invitation
  readonly name: string
  readonly claimKey: Bytes
  readonly reveal: Bytes
  readonly seats: readonly Seat[]
  readonly claimMail: Bytes
  readonly revealMail: Bytes
  /** The facilitator's 32 bytes, once they are there. */
  readonly challenge: Bytes | null
}

/** New keys for one knock. Throws `invitation-malformed`, `version`, `name-unfit`. */
export async function generateKnocker(link: string, name: string, nowS: number): Promise<Knocker> {
  const [serverUrl, invitation] = linkParts(link)
  if (!isName(name)) throw new ClientError("name-unfit")
  const seats = await Promise.all(
    SUITES.map(async (suite) => {
      const keys = await generateSeatKeys(suite)
      return { keys, bundle: await mls.makeKeyPackage(newMemberOf(keys, nowS)) }
    }),
  )
  const packages = seats.map(({ bundle }) => b64u(bundle.message))
  const reveal = encodeLetter({ name, packages, random: b64u(randomBytes(32)) })
  const claimKey = generateKey()
  const claim = encodeLetter({
    claim_key: b64u(publicKey(claimKey)),
    commitment: b64u(knockCommitment(reveal)),
  })
  const mailKeys = deriveMailKeys(invitation)
  return {
    serverUrl,
    invitation,
    name,
    claimKey,
    reveal,
    seats,
    claimMail: await sealLetter(mailKeys, CLAIM, claim),
    revealMail: await sealLetter(mailKeys, REVEAL, reveal),
    challenge: null,
  }
}

function linkParts(link: string): ReturnType<typeof parseLink> {
  try {
    return parseLink(link)
  } catch (error) {
    const isNewer = error instanceof RemoteProtocolError && error.code === "version"
    throw new ClientError(isNewer ? "version" : "invitation-malformed")
  }
}

/** The mailbox's id: by it the profile knows a knock. */
export const mailboxOf = ({ invitation }: Knocker): string => b64u(deriveMailKeys(invitation).mailbox)

/** A letter to the mailbox, or with step 0 a look into it, signed (section 12). */
export async function requestOf(knocker: Knocker, step: number, nowS: number): Promise<Request> {
  const { authPrivate, mailbox } = deriveMailKeys(knocker.invitation)
  const isClaim = step === CLAIM
  const sealed = isClaim ? knocker.claimMail : step === REVEAL ? knocker.revealMail : null
  const claimKey = isClaim ? publicKey(knocker.claimKey) : null
  const content = mailContent(mailbox, step, nowS, claimKey, sealed)
  const signature = await sign(isClaim ? authPrivate : knocker.claimKey, "mail", content)
  return { mailbox, step, sealed, claimKey, time: nowS, signature }
}

/** The challenge, 32 bytes. Throws `inviter-differs` where it is not the inviter's. */
export function checkChallenge({ invitation }: Knocker, letter: Challenge): Bytes {
  const governance = parseB64u(letter.governance, 32)
  const challenge = parseB64u(letter.challenge, 32)
  if (!equal(fingerprint(governance), invitation.inviterFingerprint)) throw new Stopped("inviter-differs")
  return challenge
}

/** What is read aloud, as numbers; undefined before the facilitator's client has answered. */
export const wordsOf = ({
  challenge,
  invitation,
  reveal,
}: Knocker): readonly [number, number, number] | undefined =>
  challenge === null ? undefined : wordNumbers(reveal, challenge, invitation)

// ---- storage: private keys in clear

const BLOB = bytes(0, MAX_MAIL_BYTES)
const STORED_BUNDLE = struct({
  message: BLOB,
  reference: BLOB,
  initKey: BLOB,
  encryptionKey: BLOB,
  signatureKey: BLOB,
})

const SEAT: Field<Seat> = {
  read: (reader) => {
    if (reader.array() !== 2) malformed()
    const keys = SEAT_KEYS.read(reader)
    return { keys, bundle: { suite: keys.suite, ...STORED_BUNDLE.read(reader) } }
  },
  write: ({ bundle, keys }) => [SEAT_KEYS.write(keys), STORED_BUNDLE.write(bundle)],
}

const INVITATION: Field<Invitation> = {
  read: (reader) => parseFragment(reader.text(256)),
  write: fragmentOf,
}

export const KNOCKER: Field<Knocker> = struct({
  serverUrl: text(2048),
  invitation: INVITATION,
  name: text(80),
  claimKey: KEY,
  reveal: BLOB,
  seats: list(SEAT, 1, SUITES.length),
  claimMail: SEALED,
  revealMail: SEALED,
  challenge: orNil(KEY),
})
