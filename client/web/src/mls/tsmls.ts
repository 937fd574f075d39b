/** The interface of mls.ts over ts-mls 1.6.4, which the build repairs (build/ts_mls_repair.mjs). */

import type { ClientConfig } from "ts-mls/clientConfig.js"
import { type ClientState, createGroup, joinGroup, makePskIndex } from "ts-mls/clientState.js"
import { createCommit } from "ts-mls/createCommit.js"
import { createApplicationMessage } from "ts-mls/createMessage.js"
import { generateKeyPackageWithKey, type KeyPackage, makeKeyPackageRef } from "ts-mls/keyPackage.js"
import { mlsExporter } from "ts-mls/keySchedule.js"
import { unprotectPrivateMessage } from "ts-mls/messageProtection.js"
import type { PrivateMessage } from "ts-mls/privateMessage.js"
import { processPrivateMessage } from "ts-mls/processMessages.js"
import type { Proposal } from "ts-mls/proposal.js"
import type { RatchetTree } from "ts-mls/ratchetTree.js"
import { consumeRatchet } from "ts-mls/secretTree.js"
import { leafToNodeIndex, toLeafIndex } from "ts-mls/treemath.js"
import { type Bytes, equal, owned } from "../base/bytes.ts"
import { publicKey } from "../base/ed25519.ts"
import { type Committed, changeOf, committedBy, treeProposed } from "./change.ts"
import { guarded, MlsError } from "./errors.ts"
import { configFor, type GroupInside, groupOf, leafAt, leavesOf, memberOf, openerFor } from "./group.ts"
import type {
  CommitWish,
  JudgeIdentity,
  KeyPackageBundle,
  KeyPair,
  Mls,
  NewMember,
  OwnCommit,
  Received,
} from "./mls.ts"
import { suiteOfPackage, verifyPackage } from "./packages.ts"
import { checkCommitter, checkKeyPackage, checkPath, checkProposals, checkTree } from "./rules.ts"
import { primitivesOf, SUITE_NAMES, type Suite } from "./suites.ts"
import {
  encodeMessage,
  encodeTree,
  parseKeyPackage,
  parsePrivateMessage,
  parseTree,
  parseWelcome,
} from "./wire.ts"

const SKEW_S = 3600
const LIFETIME_S = 90 * 24 * 3600

/** MLS for members whose identities `judge` takes. */
export function makeMls(judge: JudgeIdentity): Mls {
  const config = configFor(judge)
  const open = openerFor(config)
  return {
    makeInboxKey: (suite) => guarded(() => makeInboxKey(suite)),
    makeKeyPackage: (who) => guarded(async () => (await makePackage(who)).bundle),
    suiteOf: suiteOfPackage,
    verifyKeyPackage: (message, nowS) => guarded(() => verifyPackage(message, nowS, judge)),
    create: (groupId, who) => guarded(() => create(groupId, who, config)),
    join: (bundle, welcome, tree) => guarded(() => join(bundle, welcome, tree, config)),
    encrypt: (group, data, paddedTo) => guarded(() => encrypt(open(group), data, configFor(judge, paddedTo))),
    receive: (group, message, nowS) => guarded(() => receive(open(group), message, nowS)),
    commit: (group, wish) => guarded(() => commit(open(group), wish, configFor(judge, wish.paddedTo))),
    exportSecret: (group, label, context, size) =>
      guarded(() => exportSecret(open(group), label, context, size)),
    sentMessages: (group) => {
      const { ownLeaf, state } = open(group)
      return state.secretTree[leafToNodeIndex(toLeafIndex(ownLeaf))]?.application.generation ?? 0
    },
    memberAt: (group, leaf) => {
      const node = leafAt(open(group).state.ratchetTree, leaf)
      return node && memberOf(leaf, node)
    },
    members: (group) => leavesOf(open(group).state.ratchetTree).map(([leaf, node]) => memberOf(leaf, node)),
    open,
  }
}

// ---- becoming a member

interface MadePackage {
  readonly publicPackage: KeyPackage
  readonly bundle: KeyPackageBundle
}

async function makePackage({ identity, leafKey, nowS, suite }: NewMember): Promise<MadePackage> {
  const primitives = await primitivesOf(suite)
  const { privatePackage, publicPackage } = await generateKeyPackageWithKey(
    { credentialType: "basic", identity },
    {
      versions: ["mls10"],
      ciphersuites: [...SUITE_NAMES],
      extensions: [],
      proposals: [],
      credentials: ["basic"],
    },
    { notBefore: BigInt(nowS - SKEW_S), notAfter: BigInt(nowS + LIFETIME_S) },
    [],
    { signKey: leafKey, publicKey: publicKey(leafKey) },
    primitives,
  )
  const bundle = {
    suite,
    message: encodeMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage: publicPackage }),
    reference: owned(await makeKeyPackageRef(publicPackage, primitives.hash)),
    initKey: owned(privatePackage.initPrivateKey),
    encryptionKey: owned(privatePackage.hpkePrivateKey),
    signatureKey: owned(leafKey),
  }
  return { publicPackage, bundle }
}

const privateKeysOf = (bundle: KeyPackageBundle) => ({
  initPrivateKey: bundle.initKey,
  hpkePrivateKey: bundle.encryptionKey,
  signaturePrivateKey: bundle.signatureKey,
})

async function create(groupId: Uint8Array, who: NewMember, config: ClientConfig): Promise<GroupInside> {
  const { bundle, publicPackage } = await makePackage(who)
  const primitives = await primitivesOf(who.suite)
  return groupOf(await createGroup(groupId, publicPackage, privateKeysOf(bundle), [], primitives, config))
}

async function join(
  bundle: KeyPackageBundle,
  welcome: Uint8Array,
  tree: Uint8Array,
  config: ClientConfig,
): Promise<GroupInside> {
  const ratchetTree = parseTree(tree)
  checkTree(ratchetTree, bundle.suite)
  const state = await joinGroup(
    parseWelcome(welcome),
    parseKeyPackage(bundle.message),
    privateKeysOf(bundle),
    makePskIndex(undefined, {}),
    await primitivesOf(bundle.suite),
    ratchetTree,
    undefined,
    config,
  )
  if (state.groupContext.extensions.length > 0)
    throw new MlsError("mls-refused", "the group has extensions, which rooms have not")
  return groupOf(state)
}

// ---- messages

async function encrypt(group: GroupInside, data: Uint8Array, padding: ClientConfig) {
  const { newState, privateMessage } = await createApplicationMessage(
    { ...group.state, clientConfig: padding },
    data,
    await primitivesOf(group.suite),
  )
  return { group: next(group, newState), message: encodePrivate(privateMessage) }
}

async function receive(group: GroupInside, data: Uint8Array, nowS: number): Promise<Received> {
  const { state, suite } = group
  const message = parsePrivateMessage(data)
  if (!equal(message.groupId, group.id) || message.epoch !== state.groupContext.epoch)
    throw new MlsError("mls-malformed", "the message is of another group or epoch")
  const primitives = await primitivesOf(suite)
  // ts-mls's own result names no sender
  const { content, tree } = await unprotectPrivateMessage(
    state.keySchedule.senderDataSecret,
    message,
    state.secretTree,
    state.ratchetTree,
    state.groupContext,
    state.clientConfig.keyRetentionConfig,
    primitives,
  )
  const inner = content.content
  const sender = inner.sender.senderType === "member" ? inner.sender.leafIndex : undefined
  if (sender === undefined || sender === group.ownLeaf)
    throw new MlsError("mls-refused", "the message names no other member as its sender")
  const authenticatedData = owned(inner.authenticatedData)
  if (inner.contentType === "proposal")
    throw new MlsError("mls-refused", "proposals that stand alone have no place in rooms")
  if (inner.contentType === "application") {
    const moved = next(group, { ...state, secretTree: tree })
    return {
      kind: "application",
      group: moved,
      sender,
      data: owned(inner.applicationData),
      authenticatedData,
    }
  }
  const proposals = checkProposals(inner.commit.proposals)
  const committed = committedBy(sender, authenticatedData, proposals)
  for (const keyPackage of committed.added) checkKeyPackage(keyPackage, suite, nowS)
  checkCommitter(committed, inner.commit.path)
  const proposed = treeProposed(state.ratchetTree, committed)
  if (inner.commit.path !== undefined) checkPath(inner.commit.path, suite, proposed, committed)
  return receiveCommit(group, message, committed, proposed)
}

async function receiveCommit(
  group: GroupInside,
  message: PrivateMessage,
  committed: Committed,
  proposed: RatchetTree,
): Promise<Received> {
  const { state, suite } = group
  // who is removed cannot enter the new epoch; ts-mls does not notice where a newcomer gets the leaf
  const isRemoved = committed.removed.has(group.ownLeaf)
  const entered = isRemoved ? undefined : await enter(group, message)
  const after = entered?.state.ratchetTree ?? proposed
  checkTree(after, suite)
  const change = await changeOf(suite, state.ratchetTree, after, committed)
  return { kind: "commit", group: entered, change }
}

async function enter({ state, suite }: GroupInside, message: PrivateMessage): Promise<GroupInside> {
  // not processMessage, which drops the index of pre-shared keys
  const primitives = await primitivesOf(suite)
  const { newState } = await processPrivateMessage(state, message, makePskIndex(state, {}), primitives)
  return groupOf(newState)
}

// ---- commits

async function commit(group: GroupInside, wish: CommitWish, padding: ClientConfig): Promise<OwnCommit> {
  const { state, suite } = group
  const primitives = await primitivesOf(suite)
  const proposals: readonly Proposal[] = [
    ...wish.remove.map((removed) => ({ proposalType: "remove" as const, remove: { removed } })),
    ...wish.add.map((message) => ({
      proposalType: "add" as const,
      add: { keyPackage: parseKeyPackage(message) },
    })),
  ]
  const made = await createCommit(
    { state: { ...state, clientConfig: padding }, cipherSuite: primitives },
    { extraProposals: [...proposals], authenticatedData: wish.authenticatedData },
  )
  // ts-mls forgets to move the handshake ratchet on: a second commit of this epoch would use the same key again
  const ownNode = leafToNodeIndex(toLeafIndex(group.ownLeaf))
  const { newTree } = await consumeRatchet(state.secretTree, ownNode, "commit", primitives)
  const { ratchetTree } = made.newState
  checkTree(ratchetTree, suite)
  const committed = committedBy(group.ownLeaf, owned(wish.authenticatedData), proposals)
  return {
    group: next(group, { ...state, secretTree: newTree }),
    next: groupOf({ ...made.newState, clientConfig: state.clientConfig }),
    change: await changeOf(suite, state.ratchetTree, ratchetTree, committed),
    message: encodeMessage(made.commit),
    welcome: made.welcome && {
      message: encodeMessage({ version: "mls10", wireformat: "mls_welcome", welcome: made.welcome }),
      tree: encodeTree(ratchetTree),
    },
  }
}

// ---- the rest

async function makeInboxKey(suite: Suite): Promise<KeyPair> {
  const { hpke } = await primitivesOf(suite)
  const pair = await hpke.generateKeyPair()
  return {
    privateKey: owned(await hpke.exportPrivateKey(pair.privateKey)),
    publicKey: owned(await hpke.exportPublicKey(pair.publicKey)),
  }
}

async function exportSecret(
  { state, suite }: GroupInside,
  label: string,
  context: Uint8Array,
  size: number,
): Promise<Bytes> {
  return owned(
    await mlsExporter(state.keySchedule.exporterSecret, label, context, size, await primitivesOf(suite)),
  )
}

/** The same epoch with its ratchets moved on. */
const next = (group: GroupInside, state: ClientState): GroupInside =>
  groupOf({ ...state, clientConfig: group.state.clientConfig })

const encodePrivate = (privateMessage: PrivateMessage): Bytes =>
  encodeMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage })
