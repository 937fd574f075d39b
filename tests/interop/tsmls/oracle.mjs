// A pool of ts-mls members behind JSON lines: one request a line on stdin, one answer a line on stdout.
//
//   request  {"id": 7, "op": "process", "member": "m3", "message": "<base64>"}
//   answer   {"id": 7, "result": {…}}   or   {"id": 7, "error": {"name": "ValidationError", "message": "…"}}
//
// Every byte string is base64, every epoch a decimal string. Requests are handled one after the other. A member holds
// its current state and, between `commit` and `merge` or `discard`, the state that its commit leads to: ts-mls returns
// new states and leaves the choice to its caller.
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

import {
  createApplicationMessage,
  createCommit,
  createGroup,
  createProposal,
  decodeGroupState,
  decodeMlsMessage,
  defaultCapabilities,
  encodeGroupState,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  makePskIndex,
  mlsExporter,
  processPrivateMessage,
  processPublicMessage,
  zeroOutUint8Array,
} from "ts-mls"
import { ciphersuites } from "ts-mls/crypto/ciphersuite.js"
import { defaultClientConfig } from "ts-mls/clientConfig.js"
import { initializeEpoch } from "ts-mls/keySchedule.js"
import { decryptSenderData } from "ts-mls/privateMessage.js"
import { decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js"

const HOUR_S = 3600n
const KEY_PACKAGE_LIFETIME_S = 28n * 24n * HOUR_S
const CLIENT_CONFIG = {
  ...defaultClientConfig,
  // the limit that Backchannel's clients share; ts-mls's own is 200
  keyRetentionConfig: { ...defaultClientConfig.keyRetentionConfig, maximumForwardRatchetSteps: 4096 },
}

/** name → {suite, identity, keyPackages: [{publicPackage, privatePackage}], state, pending} */
const members = new Map()
const suites = new Map()

const fromBase64 = (text) => new Uint8Array(Buffer.from(text, "base64"))
const toBase64 = (bytes) => Buffer.from(bytes).toString("base64")

async function suiteOf(id) {
  if (!suites.has(id)) {
    const name = Object.keys(ciphersuites).find((each) => ciphersuites[each] === id)
    if (name === undefined) throw new RangeError(`ts-mls knows no cipher suite ${id}`)
    suites.set(id, await getCiphersuiteImpl(getCiphersuiteFromName(name)))
  }
  return suites.get(id)
}

function memberOf(request) {
  const member = members.get(request.member)
  if (member === undefined) throw new RangeError(`no member ${request.member}`)
  return member
}

/** A member in a group and with no commit of its own in the air. */
function settled(request) {
  const member = memberOf(request)
  if (member.state === undefined) throw new RangeError(`${request.member} is in no group`)
  if (member.pending !== undefined) throw new RangeError(`${request.member} has a pending commit`)
  return member
}

/** The bytes as an MLSMessage of one of `wireformats`, with nothing after it. */
function parseMessage(text, ...wireformats) {
  const bytes = fromBase64(text)
  const decoded = decodeMlsMessage(bytes, 0)
  if (decoded === undefined || decoded[1] !== bytes.length) throw new SyntaxError("not an MLSMessage")
  const [message] = decoded
  if (!wireformats.includes(message.wireformat)) throw new SyntaxError(`unexpected ${message.wireformat}`)
  return message
}

const parseKeyPackage = (text) => parseMessage(text, "mls_key_package").keyPackage

function encodeMessage(wireformat, field, value) {
  return toBase64(encodeMlsMessage({ version: "mls10", wireformat, [field]: value }))
}

async function newKeyPackage(member) {
  const now = BigInt(Math.floor(Date.now() / 1000))
  const made = await generateKeyPackage(
    { credentialType: "basic", identity: member.identity },
    defaultCapabilities(), // with GREASE values, at random
    { notBefore: now - HOUR_S, notAfter: now + KEY_PACKAGE_LIFETIME_S },
    [],
    member.cs,
  )
  member.keyPackages.push(made)
  return made
}

const forget = (consumed) => consumed.forEach(zeroOutUint8Array)

/** The leaf that sent a PrivateMessage: ts-mls's own result does not say. */
async function senderOf(state, message) {
  const past = state.historicalReceiverData.get(message.epoch)
  const secret = message.epoch === state.groupContext.epoch ? state.keySchedule.senderDataSecret : past?.senderDataSecret
  if (secret === undefined) return undefined
  return (await decryptSenderData(message, secret, suites.get(ciphersuites[state.groupContext.cipherSuite])))?.leafIndex
}

const leavesOf = (tree) =>
  tree.flatMap((node, index) =>
    node?.nodeType === "leaf" ? [{ leaf: index / 2, identity: toBase64(node.leaf.credential.identity) }] : [],
  )

const OPERATIONS = {
  hello() {
    const own = JSON.parse(readFileSync(new URL("node_modules/ts-mls/package.json", import.meta.url), "utf8"))
    return { version: own.version, repaired: globalThis.tsMlsRepaired === true }
  },

  async create({ member: name, suite, identity }) {
    if (members.has(name)) throw new RangeError(`${name} exists`)
    const cs = await suiteOf(suite)
    members.set(name, { cs, identity: fromBase64(identity), keyPackages: [] })
    return {}
  },

  drop({ member: name }) {
    return { dropped: members.delete(name) }
  },

  async keyPackage(request) {
    const { publicPackage } = await newKeyPackage(memberOf(request))
    return { keyPackage: encodeMessage("mls_key_package", "keyPackage", publicPackage) }
  },

  async createGroup(request) {
    const member = memberOf(request)
    const { publicPackage, privatePackage } = await newKeyPackage(member)
    member.keyPackages = []
    member.state = await createGroup(
      fromBase64(request.groupId), publicPackage, privatePackage, [], member.cs, CLIENT_CONFIG,
    )
    return {}
  },

  async join(request) {
    const member = memberOf(request)
    const { welcome } = parseMessage(request.welcome, "mls_welcome")
    const tree = request.ratchetTree === undefined ? undefined : decodeRatchetTree(fromBase64(request.ratchetTree), 0)?.[0]
    let failure = new RangeError(`${request.member} has published no KeyPackage`)
    for (const { publicPackage, privatePackage } of member.keyPackages) {
      try {
        member.state = await joinGroup(
          welcome, publicPackage, privatePackage, makePskIndex(undefined, {}), member.cs, tree, undefined, CLIENT_CONFIG,
        )
        member.keyPackages = []
        return {}
      } catch (error) {
        failure = error
      }
    }
    throw failure
  },

  async commit(request) {
    const member = settled(request)
    const extraProposals = [
      ...request.remove.map((removed) => ({ proposalType: "remove", remove: { removed } })),
      ...request.add.map((each) => ({ proposalType: "add", add: { keyPackage: parseKeyPackage(each) } })),
    ]
    const { newState, welcome, commit, consumed } = await createCommit(
      { state: member.state, pskIndex: makePskIndex(member.state, {}), cipherSuite: member.cs },
      { extraProposals, wireAsPublicMessage: request.public, ratchetTreeExtension: request.treeInWelcome },
    )
    member.pending = { state: newState, consumed }
    return {
      commit: toBase64(encodeMlsMessage(commit)),
      welcome: welcome && encodeMessage("mls_welcome", "welcome", welcome),
      ratchetTree: toBase64(encodeRatchetTree(newState.ratchetTree)),
    }
  },

  merge(request) {
    const member = memberOf(request)
    if (member.pending === undefined) throw new RangeError(`${request.member} has no pending commit`)
    member.state = member.pending.state
    forget(member.pending.consumed)
    member.pending = undefined
    return {}
  },

  discard(request) {
    memberOf(request).pending = undefined
    return {}
  },

  async propose(request) {
    const member = settled(request)
    const proposal =
      request.remove === undefined
        ? { proposalType: "add", add: { keyPackage: parseKeyPackage(request.add) } }
        : { proposalType: "remove", remove: { removed: request.remove } }
    const { newState, message, consumed } = await createProposal(member.state, request.public, proposal, member.cs)
    member.state = newState
    forget(consumed)
    return { message: toBase64(encodeMlsMessage(message)) }
  },

  async process(request) {
    const member = settled(request)
    const message = parseMessage(request.message, "mls_private_message", "mls_public_message")
    const isPublic = message.wireformat === "mls_public_message"
    const body = isPublic ? message.publicMessage : message.privateMessage
    const sender = isPublic ? body.content.sender.leafIndex : await senderOf(member.state, body)
    const kind = isPublic ? body.content.contentType : body.contentType
    const processed = await (isPublic ? processPublicMessage : processPrivateMessage)(
      member.state, body, makePskIndex(member.state, {}), member.cs,
    )
    member.state = processed.newState
    forget(processed.consumed)
    return { kind, sender, data: processed.message && toBase64(processed.message) }
  },

  async encrypt(request) {
    const member = settled(request)
    const { newState, privateMessage, consumed } = await createApplicationMessage(
      member.state, fromBase64(request.data), member.cs,
    )
    member.state = newState
    forget(consumed)
    return { message: encodeMessage("mls_private_message", "privateMessage", privateMessage) }
  },

  async exporter(request) {
    const { state, cs } = settled(request)
    const secret = await mlsExporter(
      state.keySchedule.exporterSecret, request.label, fromBase64(request.context), request.length, cs,
    )
    return { secret: toBase64(secret) }
  },

  /** Stores the state as bytes and takes it back from them. */
  reload(request) {
    const member = settled(request)
    const stored = encodeGroupState(member.state)
    member.state = { ...decodeGroupState(stored, 0)[0], clientConfig: CLIENT_CONFIG }
    return { size: stored.length }
  },

  /** The epoch that another member is in, as this one computes it without the commit secret (RFC 9420, section 8). */
  async guess(request) {
    const { state, cs } = settled(request)
    const next = members.get(request.other).state.groupContext
    const zeros = () => new Uint8Array(cs.kdf.size)
    const { keySchedule } = await initializeEpoch(state.keySchedule.initSecret, zeros(), next, zeros(), cs.kdf)
    return { authenticator: toBase64(keySchedule.epochAuthenticator) }
  },

  summary(request) {
    const { state } = settled(request)
    return {
      epoch: state.groupContext.epoch.toString(),
      authenticator: toBase64(state.keySchedule.epochAuthenticator),
      treeHash: toBase64(state.groupContext.treeHash),
      confirmedTranscriptHash: toBase64(state.groupContext.confirmedTranscriptHash),
      leaf: state.privatePath.leafIndex,
      active: state.groupActiveState.kind === "active",
      members: leavesOf(state.ratchetTree),
    }
  },
}

async function answer(line) {
  const { id, op, ...request } = JSON.parse(line)
  try {
    if (!Object.hasOwn(OPERATIONS, op)) throw new RangeError(`no operation ${op}`)
    return { id, result: await OPERATIONS[op](request) }
  } catch (error) {
    return { id, error: { name: error?.name ?? "Error", message: String(error?.message ?? error) } }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`)
}
