/** The interface of mls.ts over ts-mls 1.6.4, which the build repairs (build/ts_mls_repair.mjs). */

import type { ClientConfig } from "ts-mls/clientConfig.js"
import { type ClientState, createGroup, joinGroupWithExtensions, makePskIndex } from "ts-mls/clientState.js"
import { createCommit } from "ts-mls/createCommit.js"
import { createApplicationMessage } from "ts-mls/createMessage.js"
import { generateKeyPackageWithKey, type KeyPackage, makeKeyPackageRef } from "ts-mls/keyPackage.js"
import { mlsExporter } from "ts-mls/keySchedule.js"
import { unprotectPrivateMessage } from "ts-mls/messageProtection.js"
import type { PrivateMessage } from "ts-mls/privateMessage.js"
import { processPrivateMessage } from "ts-mls/processMessages.js"
import type { Proposal } from "ts-mls/proposal.js"
import { consumeRatchet } from "ts-mls/secretTree.js"
import { leafToNodeIndex, toLeafIndex } from "ts-mls/treemath.js"
import { type Bytes, equal, owned } from "../base/bytes.ts"
import { publicKey } from "../base/ed25519.ts"
import { type Committed, changeOf, committedBy, treeProposed } from "./change.ts"
import { guarded, MlsError, refuse } from "./errors.ts"
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
import { checkExtensions, checkKeyPackage, checkPath, checkProposals, checkTree } from "./rules.ts"
import { nameOf, primitivesOf, SUITE_NAMES, type Suite } from "./suites.ts"
import {
  checkLists,
  encodeOffer,
  encodePackage,
  encodePrivate,
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
    makeInboxKey,
    makeKeyPackage: async (who) => (await makePackage(who)).bundle,
    suiteOf: suiteOfPackage,
    verifyKeyPackage: (message, nowS) => guarded(() => verifyPackage(message, nowS, judge), message),
    create: (groupId, who) => create(groupId, who, config),
    join: (bundle, welcome, tree) => guarded(() => join(bundle, welcome, tree, config), welcome),
    encrypt: async (group, data, paddedTo) => encrypt(open(group), data, configFor(judge, paddedTo)),
    receive: (group, message, nowS) => guarded(() => receive(open(group), message, nowS), message),
    commit: (group, wish) => guarded(() => commit(open(group), wish, configFor(judge, wish.paddedTo))),
    exportSecret: async (group, label, context, size) => exportSecret(open(group), label, context, size),
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
    message: encodePackage(publicPackage),
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
  const parsed = parseWelcome(welcome)
  if (parsed.cipherSuite !== nameOf(bundle.suite)) refuse("the Welcome is of another suite")
  const [state, extensions] = await joinGroupWithExtensions(
    parsed,
    parseKeyPackage(bundle.message),
    privateKeysOf(bundle),
    makePskIndex(undefined, {}),
    await primitivesOf(bundle.suite),
    ratchetTree,
    undefined,
    config,
  )
  checkExtensions(extensions)
  if (state.groupContext.extensions.length > 0) refuse("the group has extensions, which rooms have not")
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
    return refuse("the message names no other member as its sender")
  const authenticatedData = owned(inner.authenticatedData)
  if (inner.contentType === "proposal") return refuse("proposals that stand alone have no place in rooms")
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
  checkLists(inner.commit)
  const proposals = checkProposals(inner.commit.proposals)
  const committed = committedBy(sender, authenticatedData, proposals)
  for (const keyPackage of committed.added) checkKeyPackage(keyPackage, suite, nowS)
  const proposed = treeProposed(state.ratchetTree, committed)
  if (inner.commit.path !== undefined) checkPath(inner.commit.path, suite, proposed, committed)
  return receiveCommit(group, message, committed)
}

async function receiveCommit(
  group: GroupInside,
  message: PrivateMessage,
  committed: Committed,
): Promise<Received> {
  const entered = await enter(group, message)
  const after = entered.state.ratchetTree
  checkTree(after, group.suite)
  const change = await changeOf(group.suite, group.state.ratchetTree, after, committed)
  // who is removed knows the new tree, and not the new epoch
  return { kind: "commit", group: committed.removed.has(group.ownLeaf) ? undefined : entered, change }
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
    message:
      made.commit.wireformat === "mls_private_message"
        ? encodePrivate(made.commit.privateMessage)
        : refuse("it is not private"),
    welcome: made.welcome && {
      message: encodeOffer(made.welcome),
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
