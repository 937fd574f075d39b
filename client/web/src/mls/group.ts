/** A group as ts-mls keeps it, how ts-mls is set up, and how a group is stored. */

import type { ClientConfig } from "ts-mls/clientConfig.js"
import { type ClientState, decodeGroupState, encodeGroupState } from "ts-mls/clientState.js"
import { encode } from "ts-mls/codec/tlsEncoder.js"
import { defaultKeyPackageEqualityConfig } from "ts-mls/keyPackageEqualityConfig.js"
import type { LeafNode } from "ts-mls/leafNode.js"
import type { RatchetTree } from "ts-mls/ratchetTree.js"
import { decodeSecretTree, secretTreeEncoder } from "ts-mls/secretTree.js"
import { leafToNodeIndex, toLeafIndex } from "ts-mls/treemath.js"
import { KEY_SIZE, owned } from "../base/bytes.ts"
import { isExhaustion, MlsError } from "./errors.ts"
import type { Group, JudgeIdentity, Member, OpenGroup, StoredGroup } from "./mls.ts"
import { suiteOf } from "./suites.ts"
import { decodeAll } from "./wire.ts"

/** How many messages of a sender may be skipped, the same in all implementations (PROTOCOL.md, section 8). */
const MAX_SKIPPED = 4096

export interface GroupInside extends OpenGroup {
  /** The index of this member's leaf. */
  readonly ownLeaf: number
  readonly state: ClientState
}

export function configFor(judge: JudgeIdentity, paddedTo = 0): ClientConfig {
  return {
    keyRetentionConfig: {
      maximumForwardRatchetSteps: MAX_SKIPPED,
      // the keys of all that was skipped, which ts-mls would else forget after ten
      retainKeysForGenerations: MAX_SKIPPED,
      // none are kept (see `groupOf`); 0 would keep all of them
      retainKeysForEpochs: 1,
    },
    // on receipt, lifetimes are judged by the server's time (rules.ts): all members must come to the same
    lifetimeConfig: { maximumTotalLifetime: 366n * 24n * 3600n, validateLifetimeOnReceive: false },
    keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
    paddingConfig: { kind: "padUntilLength", padUntilLength: paddedTo },
    authService: {
      validateCredential: async (credential, signatureKey) =>
        credential.credentialType === "basic" &&
        signatureKey.length === KEY_SIZE &&
        judge(owned(credential.identity)),
    },
  }
}

/** A group of a new state of ts-mls, without the keys of past epochs. */
export function groupOf(state: ClientState): GroupInside {
  const suite = suiteOf(state.groupContext.cipherSuite)
  if (suite === undefined) throw new MlsError("mls-refused", "the group has another cipher suite")
  return {
    mark: state.groupContext,
    stored: () => storeGroup(state),
    suite,
    id: state.groupContext.groupId,
    epoch: Number(state.groupContext.epoch),
    ownLeaf: state.privatePath.leafIndex,
    authenticator: state.keySchedule.epochAuthenticator,
    state: { ...state, historicalReceiverData: new Map() },
  }
}

export function leafAt(tree: RatchetTree, leaf: number): LeafNode | undefined {
  const node = tree[leafToNodeIndex(toLeafIndex(leaf))]
  return node?.nodeType === "leaf" ? node.leaf : undefined
}

/** The occupied leaves, from left to right. */
export const leavesOf = (tree: RatchetTree): readonly (readonly [number, LeafNode])[] =>
  tree.flatMap((node, index) => (node?.nodeType === "leaf" ? [[index / 2, node.leaf] as const] : []))

const known = new WeakMap<LeafNode, Member>()

/** The same one each time, for as long as the leaf is the same: whoever reads members may remember what they read. */
export function memberOf(leaf: number, node: LeafNode): Member {
  const found = known.get(node)
  if (found?.leaf === leaf) return found
  const { credential } = node
  if (credential.credentialType !== "basic") throw new MlsError("mls-refused", "the credential is not basic")
  const member = { leaf, identity: owned(credential.identity), signatureKey: owned(node.signaturePublicKey) }
  known.set(node, member)
  return member
}

// ---- storage

const encodeRatchets = encode(secretTreeEncoder)

const storeGroup = (state: ClientState): StoredGroup => ({
  epoch: owned(encodeGroupState({ ...state, secretTree: [] })),
  ratchets: owned(encodeRatchets(state.secretTree)),
})

/** Opens groups, each once. Throws `mls-damaged`. */
export function openerFor(config: ClientConfig): (group: Group) => GroupInside {
  const opened = new WeakMap<Group, GroupInside>()
  return (group) => {
    if ("state" in group) return group as GroupInside
    const known = opened.get(group) ?? loadGroup(group.stored(), config)
    opened.set(group, known)
    return known
  }
}

function loadGroup(stored: StoredGroup, config: ClientConfig): GroupInside {
  try {
    const state = decodeAll(stored.epoch, decodeGroupState, "a group")
    const secretTree = decodeAll(stored.ratchets, decodeSecretTree, "a group's ratchets")
    return groupOf({ ...state, secretTree, clientConfig: config })
  } catch (error) {
    if (isExhaustion(error)) throw error
    throw new MlsError("mls-damaged", "a stored group cannot be read", error)
  }
}
