/**
 * What a commit changed, by the trees before and after it: each difference must be one of its proposals, or its path.
 *
 * Nobody's word is taken for the roster, not even ts-mls's: a leaf that came, went or changed in any other way makes
 * the commit one to skip.
 */

import { type KeyPackage, makeKeyPackageRef } from "ts-mls/keyPackage.js"
import type { LeafNode } from "ts-mls/leafNode.js"
import type { Proposal } from "ts-mls/proposal.js"
import { addLeafNode, type RatchetTree, removeLeafNode } from "ts-mls/ratchetTree.js"
import { toLeafIndex } from "ts-mls/treemath.js"
import { type Bytes, equal, owned } from "../base/bytes.ts"
import { refuse } from "./errors.ts"
import { leafAt, leavesOf, memberOf } from "./group.ts"
import type { Change } from "./mls.ts"
import { primitivesOf, type Suite } from "./suites.ts"

/** A commit whose signature was verified, or which this member made. */
export interface Committed {
  readonly committer: number
  readonly authenticatedData: Bytes
  readonly added: readonly KeyPackage[]
  readonly removed: ReadonlySet<number>
}

export function committedBy(
  committer: number,
  authenticatedData: Bytes,
  proposals: readonly Proposal[],
): Committed {
  return {
    committer,
    authenticatedData,
    added: proposals.flatMap((one) => (one.proposalType === "add" ? [one.add.keyPackage] : [])),
    removed: new Set(proposals.flatMap((one) => (one.proposalType === "remove" ? [one.remove.removed] : []))),
  }
}

/** Throws `mls-refused` where the trees differ in more or less than the commit says. */
export async function changeOf(
  suite: Suite,
  before: RatchetTree,
  after: RatchetTree,
  commit: Committed,
): Promise<Change> {
  const { authenticatedData, committer } = commit
  const stayed = (leaf: number): LeafNode | undefined =>
    commit.removed.has(leaf) ? undefined : leafAt(before, leaf)
  const changed = leavesOf(after).filter(([leaf, node]) => !isSame(stayed(leaf), node))
  const came = changed.filter(([leaf]) => stayed(leaf) === undefined)
  const renewed = changed.flatMap(([leaf, node]) => {
    const old = stayed(leaf)
    return old === undefined ? [] : [{ before: memberOf(leaf, old), after: memberOf(leaf, node) }]
  })
  if (renewed.some((one) => one.before.leaf !== committer))
    refuse("a leaf changed that is not the committer's")
  // in the order of the proposals, which is the order that the fold records them in
  const removed = [...commit.removed].flatMap((leaf) => {
    const node = leafAt(before, leaf)
    return node === undefined ? [] : [memberOf(leaf, node)]
  })
  const vanished = leavesOf(before).some(
    ([leaf]) => stayed(leaf) !== undefined && leafAt(after, leaf) === undefined,
  )
  if (vanished || came.length !== commit.added.length || removed.length !== commit.removed.size)
    refuse("the tree does not change as the commit says")
  return {
    committer,
    authenticatedData,
    added: await Promise.all(came.map(([leaf, node]) => newcomer(suite, leaf, node, commit.added))),
    removed,
    renewed,
  }
}

/** A leaf's signature covers all of it. */
const isSame = (old: LeafNode | undefined, node: LeafNode): boolean =>
  old !== undefined && equal(old.signature, node.signature)

async function newcomer(suite: Suite, leaf: number, node: LeafNode, packages: readonly KeyPackage[]) {
  const keyPackage = packages.find((one) => isSame(one.leafNode, node))
  if (keyPackage === undefined) return refuse("a leaf came that nobody added")
  const { hash } = await primitivesOf(suite)
  return { ...memberOf(leaf, node), keyPackage: owned(await makeKeyPackageRef(keyPackage, hash)) }
}

/** The tree that a commit's proposals lead to, before its path. */
export function treeProposed(before: RatchetTree, commit: Committed): RatchetTree {
  const left = [...commit.removed].reduce(
    (tree, leaf) =>
      leafAt(tree, leaf) === undefined
        ? refuse("a removal names nobody")
        : removeLeafNode(tree, toLeafIndex(leaf)),
    before,
  )
  return commit.added.reduce((tree, { leafNode }) => addLeafNode(tree, leafNode)[0], left)
}
