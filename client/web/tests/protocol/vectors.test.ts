import { describe, expect, it, test } from "vitest"
import { concat, utf8 } from "../../src/base/bytes.ts"
import { publicKey } from "../../src/base/ed25519.ts"
import { type JsonObject, label } from "../../src/protocol/canonical.ts"
import { firstLink, nextLink } from "../../src/protocol/chain.ts"
import { encodeCredential, parseCredential } from "../../src/protocol/credential.ts"
import {
  encodeEnvelope,
  encodeViewData,
  isTagOf,
  paddingClass,
  parseEnvelope,
  parseViewData,
  type View,
} from "../../src/protocol/envelope.ts"
import { LOG_EVENT } from "../../src/protocol/events.ts"
import { attachContent } from "../../src/protocol/frames.ts"
import {
  deriveMailKeys,
  knockCommitment,
  mailContent,
  open,
  seal,
  wordNumbers,
} from "../../src/protocol/invitation.ts"
import { fingerprint, sign, verify } from "../../src/protocol/keys.ts"
import { fragmentOf, linkOf, parseFragment } from "../../src/protocol/link.ts"
import { pack, unpack } from "../../src/protocol/msgpack.ts"
import { append, EMPTY, encodeFrontier, parseFrontier, rootOf } from "../../src/protocol/record/merkle.ts"
import { originOf, verifyCheckpoint } from "../../src/protocol/record/note.ts"
import { approvalContent, signApproval } from "../../src/protocol/room/approving.ts"
import { act as parseAct } from "../../src/protocol/room/state.ts"
import { fromHex, toHex, vectors } from "../vectors.ts"

type Hex = string
type EventFields = readonly (number | Hex | null)[]

const eventOf = (fields: EventFields) =>
  unpack(pack(fields.map((one) => (typeof one === "string" ? fromHex(one) : one))), LOG_EVENT.read)

test("the chain", () => {
  const chain = vectors<{ room: Hex; first: Hex; events: readonly { event: EventFields; link: Hex }[] }>(
    "chain",
  )
  let link = firstLink(fromHex(chain.room))
  expect(toHex(link)).toBe(chain.first)
  for (const one of chain.events) {
    link = nextLink(link, eventOf(one.event))
    expect(toHex(link)).toBe(one.link)
  }
})

test("an Attach", async () => {
  const attach = vectors<Record<string, Hex> & { version: number }>("attach")
  const hex = (name: string) => fromHex(attach[name] ?? "")
  expect(toHex(fingerprint(hex("record_key")))).toBe(attach.record_key_fingerprint)
  expect(toHex(publicKey(hex("private_key")))).toBe(attach.public_key)
  const content = attachContent(
    attach.version,
    hex("nonce"),
    hex("room"),
    hex("seat"),
    hex("record_key_fingerprint"),
  )
  expect(toHex(concat(label("attach"), content))).toBe(attach.signed)
  const signature = await sign(hex("private_key"), "attach", content)
  expect(toHex(signature)).toBe(attach.signature)
  verify(hex("public_key"), "attach", content, signature)
  expect(() => verify(hex("public_key"), "mail", content, signature)).toThrow("bad-signature")
})

interface InvitationCase {
  readonly secret: Hex
  readonly inviter_key: Hex
  readonly inviter_fingerprint: Hex
  readonly record_key_fingerprint: Hex
  readonly link: string
  readonly mailbox: Hex
  readonly auth_private: Hex
  readonly auth_public: Hex
  readonly seal_key: Hex
  readonly mail: readonly {
    readonly step: number
    readonly nonce: Hex
    readonly content: Hex
    readonly sealed: Hex
    readonly time: number
    readonly claim_key: Hex | null
    readonly signature_by_auth_key: Hex
  }[]
  readonly reveal: Hex
  readonly commitment: Hex
  readonly challenge: Hex
  readonly words: readonly number[]
}

describe("invitations", () => {
  const { invitations } = vectors<{ invitations: readonly InvitationCase[] }>("invitations")

  it.each(invitations)("$link", async (one) => {
    const invitation = parseFragment(new URL(one.link).hash.slice(1))
    expect(invitation).toEqual({
      secret: fromHex(one.secret),
      inviterFingerprint: fromHex(one.inviter_fingerprint),
      recordKeyFingerprint: fromHex(one.record_key_fingerprint),
    })
    expect(linkOf(invitation, "https://room.example/")).toBe(one.link)
    expect(toHex(fingerprint(fromHex(one.inviter_key)))).toBe(one.inviter_fingerprint)
    const keys = deriveMailKeys(invitation)
    expect(keys).toEqual({
      mailbox: fromHex(one.mailbox),
      authPrivate: fromHex(one.auth_private),
      authKey: fromHex(one.auth_public),
      sealKey: fromHex(one.seal_key),
    })
    for (const mail of one.mail) {
      const sealed = await seal(keys, mail.step, fromHex(mail.content), fromHex(mail.nonce))
      expect(toHex(sealed)).toBe(mail.sealed)
      expect(toHex(await open(keys, mail.step, sealed))).toBe(mail.content)
      await expect(open(keys, mail.step + 1, sealed)).rejects.toThrow("did not write")
      const claim = mail.claim_key === null ? null : fromHex(mail.claim_key)
      const signed = mailContent(keys.mailbox, mail.step, mail.time, claim, sealed)
      expect(toHex(await sign(keys.authPrivate, "mail", signed))).toBe(mail.signature_by_auth_key)
    }
    expect(toHex(knockCommitment(fromHex(one.reveal)))).toBe(one.commitment)
    expect(wordNumbers(fromHex(one.reveal), fromHex(one.challenge), invitation)).toEqual(one.words)
  })

  test("a link that is cut, longer, or of another version is refused, and not repeated", () => {
    const [first] = invitations
    const fragment = first?.link.split("#")[1] ?? ""
    for (const wrong of [
      fragment.slice(0, -1),
      `${fragment}A`,
      `${fragment}=`,
      `B${fragment.slice(1)}`,
      "",
    ]) {
      expect(() => parseFragment(wrong)).toThrow(/not a whole invitation|newer version/)
      expect(() => parseFragment(wrong)).not.toThrow(fragment.slice(5, 20))
    }
    expect(fragmentOf(parseFragment(fragment))).toBe(fragment)
  })
})

test("approvals", async () => {
  const { approvals, private_key, room } = vectors<{
    room: string
    private_key: Hex
    approvals: readonly { act: JsonObject; content: Hex; signature: Hex }[]
  }>("approvals")
  for (const one of approvals) {
    const act = parseAct(one.act)
    expect(act).toEqual(one.act)
    expect(toHex(approvalContent(room, act))).toBe(one.content)
    expect(toHex(await signApproval(fromHex(private_key), room, act))).toBe(one.signature)
  }
})

interface ViewCase {
  readonly seq: number
  readonly chain: Hex
  readonly state_hash: Hex
  readonly record_size: number
  readonly record_root: Hex
}

const viewOf = (one: ViewCase): View => ({
  seq: one.seq,
  chain: fromHex(one.chain),
  stateHash: fromHex(one.state_hash),
  recordSize: one.record_size,
  recordRoot: fromHex(one.record_root),
})

describe("envelopes", () => {
  const all = vectors<{
    envelopes: readonly { type: string; body: JsonObject; intent: number; view: ViewCase; text: string }[]
    authenticated_data: Record<string, Hex>
    credentials: readonly Record<string, string>[]
    padding: readonly (readonly [number, number])[]
  }>("envelopes")

  it.each(all.envelopes)("$type", ({ text, view, ...rest }) => {
    const envelope = { ...rest, view: viewOf(view) }
    expect(new TextDecoder().decode(encodeEnvelope(envelope))).toBe(text)
    expect(parseEnvelope(utf8(text))).toEqual(envelope)
  })

  test("a commit's view", () => {
    const view = viewOf(all.envelopes.at(-1)?.view as ViewCase)
    const key = fromHex(all.authenticated_data.state_key ?? "")
    const data = encodeViewData(view, key)
    expect(toHex(data)).toBe(all.authenticated_data.data)
    const parsed = parseViewData(data)
    expect(parsed).toMatchObject({ seq: view.seq, chain: view.chain, recordRoot: view.recordRoot })
    expect(isTagOf(parsed?.tag ?? new Uint8Array(), key, view.stateHash)).toBe(true)
    expect(isTagOf(parsed?.tag ?? new Uint8Array(), key, view.chain)).toBe(false)
    expect(parseViewData(data.subarray(1))).toBeUndefined()
  })

  it.each([0, 40])("a commit's view with a number that nobody counts to, at byte %i", (at) => {
    const data = encodeViewData(viewOf(all.envelopes.at(-1)?.view as ViewCase), new Uint8Array(32))
    const numbers = new DataView(data.buffer)
    numbers.setBigUint64(at, 2n ** 53n - 1n)
    expect(parseViewData(data)).toBeDefined()
    for (const beyond of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      numbers.setBigUint64(at, beyond)
      expect(parseViewData(data)).toBeUndefined()
    }
  })

  it.each(all.credentials)("a credential", (one) => {
    const credential = {
      seat: fromHex(one.seat ?? ""),
      seatKey: fromHex(one.seat_key ?? ""),
      governanceKey: fromHex(one.governance_key ?? ""),
      inboxKey: fromHex(one.inbox_key ?? ""),
    }
    expect(new TextDecoder().decode(encodeCredential(credential))).toBe(one.identity)
    expect(parseCredential(encodeCredential(credential))).toEqual(credential)
  })

  test("padding", () => {
    for (const [size, padded] of all.padding) expect(paddingClass(size)).toBe(padded)
    expect(() => paddingClass(900 * 1024)).toThrow("too-large")
  })
})

describe("the record", () => {
  const record = vectors<{
    room: Hex
    public_key: Hex
    entries: readonly Hex[]
    trees: readonly { size: number; frontier: Hex; root: Hex }[]
    checkpoints: readonly { size: number; note: string }[]
  }>("record")
  const origin = originOf(fromHex(record.room))

  test("every size of the tree", () => {
    let frontier = EMPTY
    const grown = [frontier, ...record.entries.map((entry) => (frontier = append(frontier, fromHex(entry))))]
    for (const tree of record.trees) {
      const own = grown[tree.size] ?? EMPTY
      expect(toHex(encodeFrontier(own))).toBe(tree.frontier)
      expect(toHex(rootOf(own))).toBe(tree.root)
      expect(parseFrontier(tree.size, fromHex(tree.frontier))).toEqual(own)
    }
    expect(() => parseFrontier(3, new Uint8Array(32))).toThrow("malformed")
    expect(() => parseFrontier(-1, new Uint8Array(32))).toThrow("malformed")
  })

  test("checkpoints", () => {
    for (const { size, note } of record.checkpoints) {
      const key = fromHex(record.public_key)
      const root = record.trees.find((tree) => tree.size === size)?.root ?? ""
      expect(verifyCheckpoint(note, origin, key)).toEqual({ origin, size, root: fromHex(root) })
      expect(() => verifyCheckpoint(note, `${origin}x`, key)).toThrow("another log's")
      expect(() => verifyCheckpoint(note, origin, new Uint8Array(32))).toThrow("bad-signature")
    }
  })

  test("a note that anything was changed in is refused", () => {
    const note = record.checkpoints.at(-1)?.note ?? ""
    const key = fromHex(record.public_key)
    for (let at = 0; at < note.length; at++) {
      const character = note[at] === "A" ? "B" : "A"
      expect(() =>
        verifyCheckpoint(note.slice(0, at) + character + note.slice(at + 1), origin, key),
      ).toThrow()
      expect(() => verifyCheckpoint(note.slice(0, at), origin, key)).toThrow()
    }
    expect(() => verifyCheckpoint(`${note}\n`, origin, key)).toThrow("malformed")
  })
})
