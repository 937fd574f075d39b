/**
 * What RFC 9420 asks of a commit and ts-mls 1.6.4 does not check, and what rooms allow of MLS at all.
 *
 * The Python client skips a commit that breaks one of these rules; a client that took it would see another room.
 */

import type { KeyPackage } from "ts-mls/keyPackage.js"
import type { LeafNode } from "ts-mls/leafNode.js"
import type { Proposal } from "ts-mls/proposal.js"
import type { ProposalOrRef } from "ts-mls/proposalOrRefType.js"
import { getHpkePublicKey, type RatchetTree } from "ts-mls/ratchetTree.js"
import type { UpdatePath } from "ts-mls/updatePath.js"
import { b64u } from "../base/bytes.ts"
import { MlsError } from "./errors.ts"
import { leavesOf } from "./group.ts"
import { SUITE_NAMES } from "./suites.ts"

const MAX_LIFETIME_S = 366 * 24 * 3600

const refuse = (reason: string): never => {
  throw new MlsError("mls-refused", reason)
}

/** The proposals of a commit: by value, Add or Remove. */
export function checkProposals(proposals: readonly ProposalOrRef[]): readonly Proposal[] {
  return proposals.map((one) => {
    if (one.proposalOrRefType !== "proposal") return refuse("a proposal is not in the commit itself")
    const { proposalType } = one.proposal
    if (proposalType !== "add" && proposalType !== "remove") return refuse(`a proposal is ${proposalType}`)
    return one.proposal
  })
}

/** A KeyPackage that is added: sections 7.2 and 7.3. */
export function checkKeyPackage({ leafNode }: KeyPackage, nowS: number): void {
  if (leafNode.leafNodeSource !== "key_package") refuse("an added leaf was made for another use")
  else {
    const from = Number(leafNode.lifetime.notBefore)
    const to = Number(leafNode.lifetime.notAfter)
    if (to - from > MAX_LIFETIME_S) refuse("a KeyPackage's lifetime is too long")
    if (nowS < from || nowS > to) refuse("a KeyPackage's lifetime has not begun or is over")
  }
  checkCapabilities(leafNode)
}

/** Section 7.2: a leaf lists what it uses itself. */
function checkCapabilities({ capabilities, credential }: LeafNode): void {
  const isWhole =
    capabilities.versions.includes("mls10") &&
    capabilities.ciphersuites.some((name) => SUITE_NAMES.includes(name)) &&
    capabilities.credentials.includes(credential.credentialType)
  if (!isWhole) refuse("a leaf does not list what it uses")
}

/** A path brings keys that were never in the tree (section 12.4.2). */
export function checkPath(path: UpdatePath, before: RatchetTree): void {
  checkCapabilities(path.leafNode)
  const known = new Set(before.flatMap((node) => (node === undefined ? [] : [b64u(getHpkePublicKey(node))])))
  const fresh = [path.leafNode.hpkePublicKey, ...path.nodes.map((node) => node.hpkePublicKey)].map(b64u)
  if (fresh.some((key) => known.has(key))) refuse("a key of the path stands in the tree already")
}

/** No two members have one signature key, and no two nodes one encryption key (sections 7.3 and 12.4.3.1). */
export function checkTree(tree: RatchetTree): void {
  const keys = tree.flatMap((node) => (node === undefined ? [] : [b64u(getHpkePublicKey(node))]))
  if (new Set(keys).size !== keys.length) refuse("two nodes of the tree have one key")
  const signatureKeys = leavesOf(tree).map(([, leaf]) => b64u(leaf.signaturePublicKey))
  if (new Set(signatureKeys).size !== signatureKeys.length) refuse("two members have one signature key")
  for (const [, leaf] of leavesOf(tree)) checkCapabilities(leaf)
}
