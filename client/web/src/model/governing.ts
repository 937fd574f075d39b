/** Governing a room: its settings, its doors, who is in it. For facilitators; leaving is for everybody. */

import { b64u, randomBytes, utf8 } from "../base/bytes.ts"
import { publicKey } from "../base/ed25519.ts"
import { parseB64u } from "../protocol/ids.ts"
import { deriveMailKeys } from "../protocol/invitation.ts"
import { fingerprint } from "../protocol/keys.ts"
import { fragmentOf, linkOf, SECRET_SIZE } from "../protocol/link.ts"
import { actsOf, awaited } from "../protocol/room/admission.ts"
import { hasEachPartyItsFacilitator } from "../protocol/room/approvals.ts"
import { signApproval } from "../protocol/room/approving.ts"
import { type Act, formOf, jsonOf, type Role } from "../protocol/room/state.ts"
import { govern } from "./acting.ts"
import type { InvitationLine, InviteWish, ProposalLine, Settings } from "./contract.ts"
import { type Desk, nowOf, requireAccepted, requireFacilitator, requirePresent } from "./desk.ts"
import { NotAllowed } from "./errors.ts"
import { waitingAtDoors } from "./facilitation/at_doors.ts"
import { approvalOf } from "./facilitation/knocks.ts"
import { newChange } from "./ledger.ts"
import { INVITE, KNOCK, PARTY_RULE } from "./notes.ts"
import { isOnlyFacilitator } from "./room/view.ts"

// ---- settings

/** New settings, each where it is another than before. */
export async function set(desk: Desk, settings: Settings): Promise<void> {
  const { state } = requireFacilitator(desk)
  const { admission, history, retention, rules, title, welcome } = settings
  if (title !== undefined && title !== state.title) await govern(desk, "title", { title })
  if (welcome !== undefined && welcome !== state.welcome) await govern(desk, "welcome", { welcome })
  if (rules !== undefined && formOf(rules) !== formOf(state.rules.lines))
    await govern(desk, "rules", { lines: rules })
  if (history !== undefined && history !== state.history) await govern(desk, "history", { history })
  if (retention !== undefined && formOf(retention) !== formOf(state.retention))
    await setRetention(desk, retention)
  if (admission !== undefined) await setAdmission(desk, admission)
}

async function setRetention(desk: Desk, retention: NonNullable<Settings["retention"]>): Promise<void> {
  const policy = {
    type: "Policy",
    act: null,
    slowModeS: 0,
    retentionS: retention.seconds,
    afterReading: retention.after_reading,
    pausedUntil: 0,
  } as const
  await govern(desk, "retention", { retention: jsonOf(retention) }, [policy])
}

/**
 * Tightening is done at once, or as soon as each party has a facilitator (upkeep does it then); loosening needs what the
 * strict rule needs, and is done with the last approval.
 */
async function setAdmission(desk: Desk, rule: "any" | "party"): Promise<void> {
  const { state } = requireFacilitator(desk)
  const { rule: now, version } = state.admission
  const isEarly = state.parties.length > 0 && !hasEachPartyItsFacilitator(state)
  const isWish = rule === "party" && now === "any" && isEarly
  if (isWish !== desk.ledger.notes.has(PARTY_RULE)) await wishPartyRule(desk, isWish)
  if (isWish || rule === now) return
  if (rule === "party") return govern(desk, "admission", { rule })
  return approveAct(desk, { act: "rule", rule_version: version, expires: 0, admission: "any" })
}

async function wishPartyRule({ ledger, wake }: Desk, isWished: boolean): Promise<void> {
  const note = isWished
    ? { notes: new Map([[PARTY_RULE, new Uint8Array()]]) }
    : { dropNotes: new Set([PARTY_RULE]) }
  await ledger.alone(() => ledger.store(newChange(note)))
  wake()
}

/** Ends the room for everybody. */
export async function end(desk: Desk): Promise<void> {
  requireFacilitator(desk)
  await govern(desk, "close", {}, [{ type: "Close", act: null }])
}

// ---- doors

/** A link for one person; it works once, and from when the room's log has it. */
export async function invite(desk: Desk, wish: InviteWish): Promise<InvitationLine> {
  requireFacilitator(desk)
  const { about, keys, view } = desk.ledger
  const invitation = {
    secret: randomBytes(SECRET_SIZE),
    inviterFingerprint: fingerprint(publicKey(keys.governanceKey)),
    recordKeyFingerprint: fingerprint(about.recordKey),
  }
  const { authKey, mailbox } = deriveMailKeys(invitation)
  const expires = nowOf(desk) + wish.expiresInS
  const id = b64u(mailbox)
  const body = {
    expires,
    mailbox: id,
    party: wish.party ?? null,
    role: wish.role,
    scope: wish.scope === undefined ? null : jsonOf(wish.scope),
  }
  const kept = newChange({ notes: new Map([[INVITE + id, utf8(fragmentOf(invitation))]]) })
  await govern(desk, "invite", body, [{ type: "InvitationOpen", act: null, mailbox, authKey, expires }], kept)
  return {
    mailbox: id,
    role: wish.role,
    party: wish.party,
    expires,
    by: view.own,
    stage: "not-opened",
    name: undefined,
    link: linkOf(invitation, about.url),
  }
}

/** Makes an invitation worthless; who knocked at it is told that it is declined. */
export async function revoke(desk: Desk, mailbox: string): Promise<void> {
  requireFacilitator(desk)
  // who knocked already is still to be told, with the invitation's key
  const isUnused = !desk.ledger.notes.has(KNOCK + mailbox)
  const gone = newChange({ dropNotes: new Set(isUnused ? [INVITE + mailbox] : []) })
  const operation = { type: "InvitationClose", act: null, mailbox: parseB64u(mailbox, 16) } as const
  await govern(desk, "revoke", { mailbox }, [operation], gone)
}

/** Approves that who knocks at a mailbox comes in. Throws `knock-unknown`. */
export async function approveKnock(desk: Desk, mailbox: string): Promise<void> {
  const { state } = requireAccepted(desk)
  const knock = waitingAtDoors(state, desk.ledger.notes).get(mailbox)
  if (knock === undefined) throw new NotAllowed("knock-unknown")
  await approveAct(desk, knock.act)
}

// ---- who is in the room

/** Approves what another proposed. Throws `approval-unknown` where nobody did. */
export async function approve(
  desk: Desk,
  kind: ProposalLine["act"],
  seat: string | undefined,
): Promise<void> {
  const { state } = requireAccepted(desk)
  const now = nowOf(desk)
  const found = actsOf(state).find(
    (act) => act.act === kind && act.seat === seat && awaited(state, act, now) !== undefined,
  )
  if (found === undefined) throw new NotAllowed("approval-unknown")
  await approveAct(desk, found)
}

async function approveAct(desk: Desk, act: Act): Promise<void> {
  const { state } = requireAccepted(desk)
  const approved = approvalOf(state, act, nowOf(desk))
  const signature = b64u(await signApproval(desk.ledger.keys.governanceKey, state.room, approved))
  await govern(desk, "approve", { act: jsonOf(approved), signature })
}

/** Takes own approvals back, while nothing was done on them. Throws `approval-unknown` where there are none. */
export async function unapprove(
  desk: Desk,
  kind: ProposalLine["act"],
  seat: string | undefined,
): Promise<void> {
  const { state } = requireAccepted(desk)
  const own = Object.entries(state.approvals).filter(
    ([, { act, by }]) => by === desk.ledger.view.own && act.act === kind && act.seat === seat,
  )
  if (own.length === 0) throw new NotAllowed("approval-unknown")
  for (const [approval] of own) await govern(desk, "unapprove", { approval })
}

/** Approves a removal, which is done when the room's rule is satisfied. */
export async function remove(desk: Desk, seat: string): Promise<void> {
  const { state } = requireFacilitator(desk)
  if (!Object.hasOwn(state.seats, seat)) throw new NotAllowed("seat-unknown")
  await approveAct(desk, { act: "remove", rule_version: 0, expires: 0, seat })
}

/** Approves another role and party of a seat; both change by themselves with the last approval. */
export async function setRole(
  desk: Desk,
  seat: string,
  role: Role,
  party: string | undefined,
): Promise<void> {
  const { state } = requireFacilitator(desk)
  const known = state.seats[seat]
  if (known === undefined) throw new NotAllowed("seat-unknown")
  if (role === "bot" || known.role === "bot") throw new NotAllowed("scope-unfit")
  if (role === known.role && (party ?? null) === known.party) throw new NotAllowed("version-stale")
  const isLast = known.role === "facilitator" && isOnlyFacilitator(desk.ledger.view, seat)
  if (isLast && role !== "facilitator") throw new NotAllowed("last-facilitator")
  const offered = party === undefined ? {} : { party }
  await approveAct(desk, { act: "role", rule_version: 0, expires: 0, seat, role, ...offered })
}

/** Asks to be let out; a facilitator's client does it as soon as it is there. */
export async function leave(desk: Desk): Promise<void> {
  const { state } = requirePresent(desk)
  const { view } = desk.ledger
  const isAlone = Object.keys(state.seats).length === 1
  if (isAlone || isOnlyFacilitator(view, view.own)) throw new NotAllowed("last-facilitator")
  await govern(desk, "leave", {})
}
