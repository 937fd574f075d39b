/**
 * What RFC 9420 asks of a commit and ts-mls 1.6.4 does not check, and what rooms allow of MLS at all.
 *
 * The Python client skips a commit that breaks one of these rules; a client that took it would see another room.
 */

import { type Extension, extensionsSupportedByCapabilities } from "ts-mls/extension.js"
import type { KeyPackage } from "ts-mls/keyPackage.js"
import type { LeafNode } from "ts-mls/leafNode.js"
import type { Proposal } from "ts-mls/proposal.js"
import type { ProposalOrRef } from "ts-mls/proposalOrRefType.js"
import {
  filteredDirectPathAndCopathResolution,
  getHpkePublicKey,
  type RatchetTree,
} from "ts-mls/ratchetTree.js"
import { type NodeIndex, toLeafIndex } from "ts-mls/treemath.js"
import type { UpdatePath } from "ts-mls/updatePath.js"
import { b64u, equal } from "../base/bytes.ts"
import type { Committed } from "./change.ts"
import { refuse } from "./errors.ts"
import { leafAt, leavesOf } from "./group.ts"
import { isUsableKey, isUsableSignatureKey } from "./keys.ts"
import { nameOf, type Suite } from "./suites.ts"

const MAX_LIFETIME_S = 366 * 24 * 3600

/** The proposals of a commit: by value, Add or Remove. */
export function checkProposals(proposals: readonly ProposalOrRef[]): readonly Proposal[] {
  return proposals.map((one) => {
    if (one.proposalOrRefType !== "proposal") return refuse("a proposal is not in the commit itself")
    const { proposalType } = one.proposal
    if (proposalType !== "add" && proposalType !== "remove") return refuse(`a proposal is ${proposalType}`)
    return one.proposal
  })
}

/** A KeyPackage that is added: sections 7.2, 7.3, 10.1 and 13.4. */
export function checkKeyPackage(keyPackage: KeyPackage, suite: Suite, nowS: number): void {
  const { cipherSuite, extensions, initKey, leafNode, version } = keyPackage
  if (version !== "mls10" || cipherSuite !== nameOf(suite)) refuse("a KeyPackage is of another suite")
  if (leafNode.leafNodeSource !== "key_package") refuse("an added leaf was made for another use")
  else {
    const { notAfter, notBefore } = leafNode.lifetime
    if (nowS < notBefore || nowS > notAfter) refuse("a KeyPackage's lifetime has not begun or is over")
  }
  if (equal(initKey, leafNode.hpkePublicKey)) refuse("two keys of a KeyPackage are the same")
  checkExtensions(extensions)
  checkKeys(suite, [initKey, leafNode.hpkePublicKey])
  checkLeaf(leafNode, suite)
}

/** Sections 7.2 and 7.3: a leaf lists what it uses itself. */
function checkLeaf(leaf: LeafNode, suite: Suite): void {
  const { capabilities, credential, extensions, signaturePublicKey } = leaf
  const isWhole =
    capabilities.versions.includes("mls10") &&
    capabilities.ciphersuites.includes(nameOf(suite)) &&
    capabilities.credentials.includes(credential.credentialType) &&
    extensionsSupportedByCapabilities([...extensions], capabilities)
  if (!isWhole) refuse("a leaf does not list what it uses")
  checkExtensions(extensions)
  const { notAfter, notBefore } =
    leaf.leafNodeSource === "key_package" ? leaf.lifetime : { notAfter: 0n, notBefore: 0n }
  if (notAfter - notBefore > MAX_LIFETIME_S) refuse("a KeyPackage's lifetime is too long")
  if (!isUsableSignatureKey(signaturePublicKey)) refuse("a key is not usable")
}

/** Section 13.4. */
export function checkExtensions(extensions: readonly Extension[]): void {
  if (new Set(extensions.map((one) => one.extensionType)).size !== extensions.length)
    refuse("an extension stands in a list twice")
}

function checkKeys(suite: Suite, keys: readonly Uint8Array[]): void {
  if (!keys.every((key) => isUsableKey(suite, key))) refuse("a key is not usable")
}

/** A path over the tree that the commit's proposals leave (section 12.4.2): fresh keys, each for all that it is for. */
export function checkPath(path: UpdatePath, suite: Suite, tree: RatchetTree, committed: Committed): void {
  if (leafAt(tree, committed.committer) === undefined) refuse("a commit removes its committer")
  checkLeaf(path.leafNode, suite)
  const keys = [path.leafNode.hpkePublicKey, ...path.nodes.map((node) => node.hpkePublicKey)]
  checkKeys(suite, keys)
  const known = new Set(keysOf(tree))
  const fresh = keys.map(b64u)
  if (new Set(fresh).size !== fresh.length) refuse("two nodes of the tree have one key")
  if (fresh.some((key) => known.has(key))) refuse("a key of the path stands in the tree already")
  const above = filteredDirectPathAndCopathResolution(toLeafIndex(committed.committer), tree)
  // who is new gets its secret with the Welcome (section 7.5)
  const isNew = (node: NodeIndex): boolean =>
    committed.added.some(({ leafNode }) => leafNode === leafAt(tree, node / 2))
  const isWhole =
    above.length === path.nodes.length &&
    above.every(
      ({ resolution }, at) =>
        path.nodes[at]?.encryptedPathSecret.length === resolution.filter((one) => !isNew(one)).length,
    )
  if (!isWhole) refuse("a path has not its secrets")
}

/** No two members have one signature key, no two nodes one encryption key (sections 7.3 and 12.4.3.1), all are usable. */
export function checkTree(tree: RatchetTree, suite: Suite): void {
  const keys = keysOf(tree)
  if (new Set(keys).size !== keys.length) refuse("two nodes of the tree have one key")
  const signatureKeys = leavesOf(tree).map(([, leaf]) => b64u(leaf.signaturePublicKey))
  if (new Set(signatureKeys).size !== signatureKeys.length) refuse("two members have one signature key")
  for (const [, leaf] of leavesOf(tree)) checkLeaf(leaf, suite)
  for (const node of tree) {
    if (node === undefined) continue
    checkKeys(suite, [getHpkePublicKey(node)])
    const unmerged = node.nodeType === "parent" ? node.parent.unmergedLeaves : []
    const isFit = unmerged.every(
      (leaf, at) => leafAt(tree, leaf) !== undefined && leaf > (unmerged[at - 1] ?? -1),
    )
    if (!isFit) refuse("a node lists leaves that are not there, or not in their order")
  }
}

const keysOf = (tree: RatchetTree): readonly string[] =>
  tree.flatMap((node) => (node === undefined ? [] : [b64u(getHpkePublicKey(node))]))
