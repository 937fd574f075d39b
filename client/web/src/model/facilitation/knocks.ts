/** The facilitator's side of a knock (PROTOCOL.md, section 10): answered by itself, judged by a person. */

import { type Bytes, b64u, equal, parseUtf8, randomBytes } from "../../base/bytes.ts"
import { publicKey } from "../../base/ed25519.ts"
import { isDeviceFailure } from "../../mls/errors.ts"
import { parseCredential } from "../../protocol/credential.ts"
import type { Letter as Mail } from "../../protocol/http.ts"
import { parseB64u } from "../../protocol/ids.ts"
import {
  deriveMailKeys,
  knockCommitment,
  type MailKeys,
  open,
  wordNumbers,
} from "../../protocol/invitation.ts"
import { type Invitation, parseFragment } from "../../protocol/link.ts"
import { pack, unpack } from "../../protocol/msgpack.ts"
import { isName } from "../../protocol/room/names.ts"
import { type Act, jsonOf, type RoomState } from "../../protocol/room/state.ts"
import type { Plan } from "../items.ts"
import { type Change, type Ledger, newChange } from "../ledger.ts"
import {
  ANSWER,
  CHALLENGE,
  CLAIM,
  type Claim,
  encodeLetter,
  type Missing,
  openLetter,
  parseClaim,
  parseReveal,
  REVEAL,
  type Reveal,
  sealLetter,
} from "../letters.ts"
import { encodePending, INVITE, KNOCK, LETTER, parsePending } from "../notes.ts"
import { keysOf, mls } from "../room/membership.ts"
import { KNOCKED, type Knock, missingOf, type Notes, type Revealed, revealedOf } from "./at_doors.ts"

/** How long an approval holds. */
const APPROVAL_S = 13 * 24 * 3600

function knockAt(notes: Notes, mailbox: string): Knock | undefined {
  const note = notes.get(KNOCK + mailbox)
  return note && unpack(note, KNOCKED.read)
}

function invitationAt(notes: Notes, mailbox: string): Invitation | undefined {
  const fragment = notes.get(INVITE + mailbox)
  return fragment && parseFragment(parseUtf8(fragment))
}

/** The admissions that this client could commit, by seat: it alone has the KeyPackages. */
export const packagesOf = (notes: Notes): ReadonlyMap<string, Plan> =>
  new Map(
    revealedOf(notes).flatMap(([mailbox, { act, isDeclined, package: message }]) =>
      act.seat === undefined || isDeclined
        ? []
        : [[act.seat, { seat: act.seat, package: message, mailbox, isPath: false }] as const],
    ),
  )

// ---- answering

/** A letter of an invitee: what is to be answered at once. Letters that are not one's own pass. */
export const takeMail = (ledger: Ledger, mail: Mail, nowS: number): Promise<Mail | undefined> =>
  ledger.alone(async () => {
    const mailbox = b64u(mail.mailbox)
    const invitation = invitationAt(ledger.notes, mailbox)
    if (invitation === undefined) return undefined
    const known = knockAt(ledger.notes, mailbox)
    const keys = deriveMailKeys(invitation)
    if (mail.step === ANSWER && known?.isDeclined) await forgetDeclined(ledger, mailbox, mail, known)
    const claim = await openLetter(keys, mail, CLAIM, parseClaim)
    if (claim !== undefined) return challenge(ledger, mailbox, keys, known, claim)
    const reveal = await openLetter(keys, mail, REVEAL, parseReveal)
    if (reveal === undefined || known === undefined) return undefined
    return revealed(ledger, mailbox, invitation, known, reveal, await open(keys, REVEAL, mail.sealed), nowS)
  })

const answerTo = (keys: MailKeys, step: number, sealed: Bytes): Mail => ({
  type: "Mail",
  mailbox: keys.mailbox,
  step,
  sealed,
})

/** Step 2; the same bytes again where it was answered before. */
async function challenge(
  ledger: Ledger,
  mailbox: string,
  keys: MailKeys,
  known: Knock | undefined,
  claim: Claim,
): Promise<Mail | undefined> {
  const commitment = bytesOf(claim.commitment)
  if (commitment === undefined) return undefined
  if (known !== undefined) return answerTo(keys, CHALLENGE, known.sealedChallenge)
  const random = randomBytes(32)
  const governance = b64u(publicKey(ledger.keys.governanceKey))
  const sealed = await sealLetter(keys, CHALLENGE, encodeLetter({ challenge: b64u(random), governance }))
  const knock = {
    commitment,
    challenge: random,
    sealedChallenge: sealed,
    act: null,
    package: null,
    words: [0, 0, 0],
    isDeclined: false,
    isPublished: false,
    told: [],
  }
  await ledger.store(put(mailbox, knock))
  return answerTo(keys, CHALLENGE, sealed)
}

/** 32 bytes; undefined where the text is something else. */
function bytesOf(text: string): Bytes | undefined {
  try {
    return parseB64u(text, 32)
  } catch {
    return undefined
  }
}

/** The server has the letter that declines: nothing of who knocked stays here. */
async function forgetDeclined(ledger: Ledger, mailbox: string, mail: Mail, knock: Knock): Promise<void> {
  const letter = LETTER + (knock.act?.seat ?? "")
  const note = ledger.notes.get(letter)
  if (note === undefined || !parsePending(note).sealed.some((one) => equal(one, mail.sealed))) return
  const gone = [KNOCK + mailbox, INVITE + mailbox, letter]
  await ledger.store(newChange({ dropNotes: new Set(gone) }))
}

/** After step 3 a person decides; the invitee is told for whom it waits. */
async function revealed(
  ledger: Ledger,
  mailbox: string,
  invitation: Invitation,
  known: Knock,
  reveal: Reveal,
  content: Bytes,
  nowS: number,
): Promise<Mail | undefined> {
  const { state, time } = ledger.view
  if (known.act !== null || state === null || !equal(known.commitment, knockCommitment(content)))
    return undefined
  const found = await actOf(state, mailbox, reveal, nowS)
  if (found === undefined) return undefined
  const missing = missingOf(state, found.act, time)
  const words = wordNumbers(content, known.challenge, invitation)
  const told = missing.map(([party]) => party)
  await ledger.store(put(mailbox, { ...known, ...found, words, told }))
  return waitingLetter(deriveMailKeys(invitation), missing)
}

const waitingLetter = async (keys: MailKeys, missing: Missing): Promise<Mail> =>
  answerTo(keys, ANSWER, await sealLetter(keys, ANSWER, encodeLetter({ answer: "waiting", missing })))

/** What an approval would approve; undefined where nobody can come in like that. */
async function actOf(
  state: RoomState,
  mailbox: string,
  { name, packages }: Reveal,
  nowS: number,
): Promise<Pick<Revealed, "act" | "package"> | undefined> {
  const invited = state.invitations[mailbox]
  if (invited === undefined || !isName(name)) return undefined
  try {
    const message = packages.map((one) => parseB64u(one)).find((one) => mls.suiteOf(one) === state.suite)
    if (message === undefined) return undefined
    const { identity, reference, signatureKey } = await mls.verifyKeyPackage(message, nowS)
    const credential = parseCredential(identity)
    const act: Act = {
      act: "add",
      rule_version: 0,
      expires: 0,
      seat: b64u(credential.seat),
      name,
      role: invited.role,
      ...(invited.party !== null && { party: invited.party }),
      ...(invited.scope !== null && { scope: invited.scope }),
      keys: keysOf(credential, signatureKey),
      package: b64u(reference),
      mailbox,
    }
    return { act, package: message }
  } catch (error) {
    if (isDeviceFailure(error)) throw error
    return undefined // a KeyPackage that cannot be read, or of which nobody may make use
  }
}

// ---- what follows from the room's state

/** An act as it is approved now. */
export const approvalOf = (state: RoomState, act: Act, time: number): Act => ({
  ...act,
  rule_version: state.admission.version,
  expires: time + APPROVAL_S,
})

/** Where approvals came since: the letter that says whom the invitee still waits for, stored before it is returned. */
export const letterDue = (ledger: Ledger): Promise<Mail | undefined> =>
  ledger.alone(async () => {
    const { state, time } = ledger.view
    if (state === null) return undefined
    for (const [mailbox, knock] of revealedOf(ledger.notes)) {
      const invitation = invitationAt(ledger.notes, mailbox)
      const isIn = Object.hasOwn(state.seats, knock.act.seat ?? "")
      if (invitation === undefined || knock.isDeclined || isIn) continue
      const missing = missingOf(state, { ...knock.act, rule_version: state.admission.version }, time)
      const told = missing.map(([party]) => party)
      if (missing.length === 0 || told.join() === knock.told.join()) continue
      await ledger.store(put(mailbox, { ...knock, told }))
      return waitingLetter(deriveMailKeys(invitation), missing)
    }
    return undefined
  })

/** Who knocks is told to the other facilitators (section 9). To be called in a step of the ledger's. */
export async function publish(ledger: Ledger): Promise<void> {
  const { own, state } = ledger.view
  const seat = state?.seats[own]
  if (state === null || state.closed !== null || seat?.role !== "facilitator") return
  if (seat.accepted < state.rules.version) return
  for (const [mailbox, knock] of revealedOf(ledger.notes)) {
    if (knock.isPublished || !Object.hasOwn(state.invitations, mailbox)) continue
    const body = { act: jsonOf(knock.act), words: knock.words }
    await ledger.enqueue("governance", "knock", body, [], put(mailbox, { ...knock, isPublished: true }))
  }
}

/**
 * Whose invitation is over without an admission is told that it was declined. Any facilitator may revoke; this client
 * alone can write to who knocks. To be called in a step of the ledger's.
 */
export async function declineRevoked(ledger: Ledger): Promise<void> {
  const { state } = ledger.view
  if (state === null) return
  const wereHere = new Set([...Object.keys(state.seats), ...(state.past ?? []).map((one) => one.seat)])
  for (const [mailbox, knock] of revealedOf(ledger.notes)) {
    const seat = knock.act.seat ?? ""
    const invitation = invitationAt(ledger.notes, mailbox)
    if (knock.isDeclined || Object.hasOwn(state.invitations, mailbox) || wereHere.has(seat)) continue
    if (invitation === undefined) continue
    const keys = deriveMailKeys(invitation)
    const sealed = await sealLetter(keys, ANSWER, encodeLetter({ answer: "declined" }))
    const change = put(mailbox, { ...knock, isDeclined: true })
    change.notes.set(LETTER + seat, encodePending({ mailbox: keys.mailbox, step: ANSWER, sealed: [sealed] }))
    await ledger.store(change)
  }
}

const put = (mailbox: string, knock: Knock): Change =>
  newChange({ notes: new Map([[KNOCK + mailbox, pack(KNOCKED.write(knock))]]) })
