/**
 * MLS (RFC 9420) as rooms use it: the one interface behind which ts-mls stands, and nobody else imports it.
 *
 * A `Group` is never changed: every step gives a new one, which counts once the caller has stored it. What a commit
 * changes is returned in full and counts as well only once the caller has judged it (PROTOCOL.md, section 11).
 *
 * Handshakes travel as PrivateMessages; proposals by value alone, and of them only Add and Remove; no proposal that
 * stands by itself; no keys of past epochs.
 */

import type { Bytes } from "../base/bytes.ts"
import type { Suite } from "./suites.ts"

/** Whether an identity (the content of a basic credential) may be a member's. */
export type JudgeIdentity = (identity: Uint8Array) => boolean

/**
 * A member's view of a group in one epoch: open, or as it was stored and not opened yet. What is inside is for this floor
 * alone.
 */
export interface Group {
  /** Where two states have the same mark they are of one epoch, and what is stored of them differs in the ratchets alone. */
  readonly mark: object
  readonly stored: () => StoredGroup
}

/** What a group says of itself once it is open. */
export interface OpenGroup extends Group {
  readonly suite: Suite
  readonly id: Uint8Array
  readonly epoch: number
  /** Equal at all members who agree (RFC 9420, section 8.7). */
  readonly authenticator: Uint8Array
}

/** A group as it was stored. It needs nothing of MLS until it is opened, which whatever is done with it does by itself. */
export const closedGroup = (stored: StoredGroup): Group => ({ mark: stored, stored: () => stored })

export interface Member {
  /** The index of its leaf. */
  readonly leaf: number
  /** The content of its basic credential. */
  readonly identity: Bytes
  readonly signatureKey: Bytes
}

/** What somebody who joins makes: the KeyPackage for others, and all of it to be stored until the Welcome comes. */
export interface KeyPackageBundle {
  readonly suite: Suite
  /** The KeyPackage as an MLSMessage. */
  readonly message: Bytes
  /** Its KeyPackageRef (section 5.2). */
  readonly reference: Bytes
  readonly initKey: Bytes
  readonly encryptionKey: Bytes
  readonly signatureKey: Bytes
}

export interface NewMember {
  readonly suite: Suite
  readonly identity: Uint8Array
  /** The private Ed25519 key of the leaf. */
  readonly leafKey: Uint8Array
  /** Seconds since 1970: the KeyPackage's lifetime begins an hour before and ends 90 days after. */
  readonly nowS: number
}

/** Of a KeyPackage that was verified: what stands in its leaf, and its KeyPackageRef (section 5.2). */
export interface VerifiedPackage {
  readonly identity: Bytes
  readonly signatureKey: Bytes
  readonly reference: Bytes
}

/** What a commit changes, verified against RFC 9420 but not against the room's rules. */
export interface Change {
  readonly committer: number
  readonly authenticatedData: Bytes
  /** With the KeyPackageRefs by which approvals name them. */
  readonly added: readonly (Member & { readonly keyPackage: Bytes })[]
  readonly removed: readonly Member[]
  /** The committer's own leaf, where the commit has a path. */
  readonly renewed: readonly { readonly before: Member; readonly after: Member }[]
}

export type Received =
  | {
      readonly kind: "application"
      readonly group: Group
      readonly sender: number
      readonly data: Bytes
      readonly authenticatedData: Bytes
    }
  /** `group` is the next epoch's; undefined where this member is among the removed. */
  | { readonly kind: "commit"; readonly group: Group | undefined; readonly change: Change }

export interface CommitWish {
  /** KeyPackages, as MLSMessages. */
  readonly add: readonly Uint8Array[]
  /** Leaves. With nothing to add or remove, the commit renews the own leaf's keys. */
  readonly remove: readonly number[]
  readonly authenticatedData: Uint8Array
  /** To how many bytes the content is filled up. */
  readonly paddedTo: number
}

/**
 * A commit of this member's. Nothing may be read with `group` between making the commit and learning its fate that is
 * to survive it: `next` is complete when the commit is made.
 */
export interface OwnCommit {
  /** The old epoch, its ratchet moved on: to be stored before the commit leaves, and kept where the commit is refused. */
  readonly group: Group
  /** The new epoch, where the commit is taken. */
  readonly next: Group
  readonly change: Change
  readonly message: Bytes
  /** The Welcome and the tree for those who were added. */
  readonly welcome: { readonly message: Bytes; readonly tree: Bytes } | undefined
}

/** A group in two parts, for storage: what lasts an epoch, and what each message changes. Both hold private keys. */
export interface StoredGroup {
  readonly epoch: Bytes
  readonly ratchets: Bytes
}

/** An HPKE key pair. */
export interface KeyPair {
  readonly privateKey: Bytes
  readonly publicKey: Bytes
}

export interface Mls {
  /** A key pair of the suite's HPKE: what a member's inbox is sealed to. */
  makeInboxKey(suite: Suite): Promise<KeyPair>
  makeKeyPackage(who: NewMember): Promise<KeyPackageBundle>
  /** The suite of a KeyPackage (an MLSMessage); undefined where rooms have none such. Throws `mls-malformed`. */
  suiteOf(keyPackage: Uint8Array): Suite | undefined
  /** Somebody's KeyPackage, as it may come into a group of its suite (section 10.1). Throws MlsError. */
  verifyKeyPackage(keyPackage: Uint8Array, nowS: number): Promise<VerifiedPackage>
  /** A group of one. */
  create(groupId: Uint8Array, who: NewMember): Promise<Group>
  join(bundle: KeyPackageBundle, welcome: Uint8Array, tree: Uint8Array): Promise<Group>
  /** An application message, its content filled up to `paddedTo` bytes, and the group to be stored before it leaves. */
  encrypt(
    group: Group,
    data: Uint8Array,
    paddedTo: number,
  ): Promise<{ readonly group: Group; readonly message: Bytes }>
  /**
   * Another member's message of the group's epoch; `nowS` (when the server took it) is what lifetimes are judged by.
   * Throws MlsError for what it is, and a failure of this device as it is (errors.ts); the group is as it was.
   */
  receive(group: Group, message: Uint8Array, nowS: number): Promise<Received>
  commit(group: Group, wish: CommitWish): Promise<OwnCommit>
  /** MLS-Exporter (section 8.5). */
  exportSecret(group: Group, label: string, context: Uint8Array, size: number): Promise<Bytes>
  /** How many application messages this member has encrypted in the epoch. */
  sentMessages(group: Group): number
  /** Undefined where the leaf is empty. */
  memberAt(group: Group, leaf: number): Member | undefined
  /** From left to right. */
  members(group: Group): readonly Member[]
  /** Throws `mls-damaged`. */
  open(group: Group): OpenGroup
}
