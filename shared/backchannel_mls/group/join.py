"""Joining by a Welcome (RFC 9420 section 12.4.3.1)."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass

from backchannel_mls.codec import parse_all
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import RemoteError
from backchannel_mls.group.advance import NextEpoch, first_state
from backchannel_mls.group.identity import KeyPackageBundle
from backchannel_mls.group.leaf_rules import (
    check_leaf,
    check_leaf_fits_group,
    check_lifetime,
    check_members,
)
from backchannel_mls.group.policy import ALLOW_ALL, Policy, PresentedCredential
from backchannel_mls.group.state import GroupState, Settings, no_psks
from backchannel_mls.group.succession import check_succession, linking_psk
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import (
    JoinerSecrets,
    PskLookup,
    epoch_secrets,
    joiner_secrets,
    psk_secret,
    welcome_key_and_nonce,
)
from backchannel_mls.schedule.transcript import interim_transcript_hash
from backchannel_mls.tree.math import common_ancestor
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.tree.treekem import derive_upward
from backchannel_mls.tree.validation import verify_tree
from backchannel_mls.types import ExtensionType, LeafIndex, NodeIndex
from backchannel_mls.wire.extension import check_known_extensions, find_extension
from backchannel_mls.wire.message import parse_message
from backchannel_mls.wire.welcome import GroupInfo, GroupSecrets, Welcome


@dataclass(frozen=True, slots=True)
class VerifiedGroupInfo:
    """A GroupInfo that a member signed, with the tree that it commits to, valid in every node."""

    info: GroupInfo
    tree: RatchetTree


def join_group(
    bundle: KeyPackageBundle,
    welcome: bytes | Welcome,
    *,
    ratchet_tree: bytes | None = None,
    psks: PskLookup = no_psks,
    policy: Policy = ALLOW_ALL,
    settings: Settings | None = None,
    known_group_ids: Collection[bytes] = (),
    predecessor: GroupState | None = None,
) -> GroupState:
    """The state of a new member, everything in the Welcome verified.

    ratchet_tree     the tree, where the Welcome does not hold it
    known_group_ids  the groups that this client is in; a Welcome into one of them is refused
    predecessor      the state of the group that the new one must continue (sections 11.2, 11.3);
                     its resumption PSK links them

    The lifetimes of members already there may have run out since (7.3); only their length is checked.
    Raises RemoteError, PolicyError. The bundle must not be used again.
    """
    parsed = parse_message(welcome) if isinstance(welcome, bytes) else welcome
    if not isinstance(parsed, Welcome):
        raise RemoteError(Rule.VALUE_UNKNOWN)
    suite = bundle.identity.suite
    secrets = _open_secrets(suite, bundle, parsed)
    link = linking_psk(secrets.psks)
    lookup = psks if predecessor is None else predecessor.with_own_psks(psks)
    joiner = joiner_secrets(suite, secrets.joiner_secret, psk_secret(suite, secrets.psks, lookup))
    info = _open_info(suite, parsed, joiner)
    verified = verify_group_info(suite, info, ratchet_tree, policy)
    context, tree = info.group_context, verified.tree
    if context.group_id in known_group_ids:
        raise RemoteError(Rule.GROUP_ID_KNOWN)
    own_leaf = _own_leaf(tree, bundle)
    private_keys = _private_keys(verified, bundle, own_leaf, secrets.path_secret)
    encoded = context.encode()
    derived = epoch_secrets(suite, joiner, encoded)
    tag = suite.mac(derived.confirmation_key, context.confirmed_transcript_hash)
    if not hmac.compare_digest(tag, info.confirmation_tag):
        raise RemoteError(Rule.CONFIRMATION_TAG_INVALID)
    check_succession(predecessor, link, context, tree, policy)
    interim = interim_transcript_hash(suite, context.confirmed_transcript_hash, tag)
    epoch = NextEpoch(context, encoded, joiner, derived, tag, interim)
    state = first_state(epoch, tree, bundle.identity, own_leaf, private_keys, settings or Settings())
    policy.judge_join(state)
    return state


def _open_secrets(suite: CipherSuite, bundle: KeyPackageBundle, welcome: Welcome) -> GroupSecrets:
    if welcome.cipher_suite != suite.id:
        raise RemoteError(Rule.WELCOME_SUITE_WRONG)
    reference = bundle.key_package.reference(suite)
    ours = next((one for one in welcome.secrets if one.new_member == reference), None)
    if ours is None:
        raise RemoteError(Rule.WELCOME_NOT_FOR_US)
    sealed = ours.encrypted_group_secrets
    plain = suite.decrypt_with_label(
        bundle.init_private, b"Welcome", welcome.encrypted_group_info, sealed.kem_output, sealed.ciphertext
    )
    if plain is None:
        raise RemoteError(Rule.WELCOME_UNDECRYPTABLE)
    return parse_all(plain, GroupSecrets.parse)


def _open_info(suite: CipherSuite, welcome: Welcome, joiner: JoinerSecrets) -> GroupInfo:
    key, nonce = welcome_key_and_nonce(suite, joiner.welcome_secret)
    plain = suite.aead_open(key, nonce, welcome.encrypted_group_info, b"")
    if plain is None:
        raise RemoteError(Rule.WELCOME_UNDECRYPTABLE)
    return parse_all(plain, GroupInfo.parse)


def verify_group_info(
    suite: CipherSuite, info: GroupInfo, ratchet_tree: bytes | None, policy: Policy
) -> VerifiedGroupInfo:
    """Verifies a GroupInfo and the whole tree, as joiners by Welcome and by external commit must."""
    context = info.group_context
    if context.cipher_suite != suite.id:
        raise RemoteError(Rule.GROUP_INFO_SUITE_WRONG)
    encoded_tree = ratchet_tree
    if encoded_tree is None:
        encoded_tree = find_extension(info.extensions, ExtensionType.RATCHET_TREE)
    if encoded_tree is None:
        raise RemoteError(Rule.TREE_MISSING)
    tree = RatchetTree.parse(suite, encoded_tree)
    signer = tree.leaf(info.signer)
    if signer is None:
        raise RemoteError(Rule.GROUP_INFO_SIGNER_BLANK)
    suite.verify_with_label(
        suite.verifying_key(signer.signature_key),
        b"GroupInfoTBS",
        info.signed_content(),
        info.signature,
        Rule.GROUP_INFO_SIGNATURE_INVALID,
    )
    if tree.tree_hash() != context.tree_hash:
        raise RemoteError(Rule.TREE_HASH_MISMATCH)
    check_known_extensions(context.extensions)
    check_members(tree)
    verify_tree(tree)
    for index, leaf in tree.leaves():
        check_leaf(suite, leaf, None, context.group_id, index)
        check_leaf_fits_group(leaf, context.extensions)
        check_lifetime(leaf, policy, None)
        policy.judge_credential(PresentedCredential(leaf.credential, leaf.signature_key))
    return VerifiedGroupInfo(info, tree)


def _own_leaf(tree: RatchetTree, bundle: KeyPackageBundle) -> LeafIndex:
    own = bundle.key_package.leaf_node.encode()
    for index, leaf in tree.leaves():
        if leaf.encode() == own:
            return index
    raise RemoteError(Rule.OWN_LEAF_MISSING)


def _private_keys(
    verified: VerifiedGroupInfo, bundle: KeyPackageBundle, own_leaf: LeafIndex, path_secret: bytes | None
) -> dict[NodeIndex, bytes]:
    """The own leaf's key, and those from the common ancestor with the committer upward."""
    tree, signer = verified.tree, verified.info.signer
    if signer == own_leaf:
        raise RemoteError(Rule.WELCOME_SIGNER_SELF)
    keys = {NodeIndex(2 * own_leaf): bundle.encryption_private}
    if path_secret is None:
        return keys
    meeting = common_ancestor(2 * signer, 2 * own_leaf)
    path = [node for node, _ in tree.filtered_direct_path(signer)]
    if meeting not in path:
        raise RemoteError(Rule.PATH_KEY_MISMATCH)
    keys.update(derive_upward(tree, path[path.index(NodeIndex(meeting)) :], path_secret).private_keys)
    return keys
