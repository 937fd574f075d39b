"""Telling joiners what they need: GroupInfo and Welcome (RFC 9420 sections 12.4.3 and 12.4.3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from backchannel_mls.codec import vector
from backchannel_mls.group.advance import NextEpoch
from backchannel_mls.group.proposals import AppliedProposals
from backchannel_mls.group.state import EpochState, GroupState
from backchannel_mls.schedule.key_schedule import welcome_key_and_nonce
from backchannel_mls.tree.math import common_ancestor
from backchannel_mls.types import ExtensionType, NodeIndex
from backchannel_mls.wire.commit import HpkeCiphertext
from backchannel_mls.wire.extension import Extension
from backchannel_mls.wire.message import encode_message
from backchannel_mls.wire.welcome import EncryptedGroupSecrets, GroupInfo, GroupSecrets, Welcome


def make_welcome(
    group: EpochState,
    epoch: NextEpoch,
    applied: AppliedProposals,
    path_secrets: Mapping[NodeIndex, bytes],
    *,
    tree_in_welcome: bool,
) -> bytes | None:
    """One Welcome for all added members (section 12.4.3.1), or None where there are none."""
    joiners = [(member.index, member.key_package) for member in applied.added if member.key_package]
    if not joiners:
        return None
    suite, own = group.suite, group.own_leaf
    extensions = (Extension(ExtensionType.RATCHET_TREE, group.tree.encode()),) if tree_in_welcome else ()
    info = sign_group_info(group, extensions)
    key, nonce = welcome_key_and_nonce(suite, epoch.joiner.welcome_secret)
    sealed_info = suite.aead_seal(key, nonce, info.encode(), b"")
    secrets: list[EncryptedGroupSecrets] = []
    for index, package in joiners:
        meeting = NodeIndex(common_ancestor(2 * own, 2 * index))
        plain = GroupSecrets(epoch.joiner.joiner_secret, path_secrets.get(meeting), applied.psks)
        sealed = suite.encrypt_with_label(package.init_key, b"Welcome", sealed_info, plain.encode())
        secrets.append(EncryptedGroupSecrets(package.reference(suite), HpkeCiphertext(*sealed)))
    return encode_message(Welcome(suite.id, tuple(secrets), sealed_info))


def sign_group_info(group: EpochState, extensions: tuple[Extension, ...]) -> GroupInfo:
    """The state of a group, signed by this member (section 12.4.3)."""
    info = GroupInfo(group.context, extensions, group.confirmation_tag, group.own_leaf, b"")
    key = group.identity.signing_key
    signature = group.suite.sign_with_label(key, b"GroupInfoTBS", info.signed_content())
    return info.with_signature(signature)


def create_group_info(state: GroupState, *, ratchet_tree: bool = True, external_pub: bool = False) -> bytes:
    """A GroupInfo as an MLSMessage; with `external_pub`, whoever has it can join by itself (12.4.3.2)."""
    state.require_active()
    extensions: tuple[Extension, ...] = ()
    if ratchet_tree:
        extensions = (Extension(ExtensionType.RATCHET_TREE, state.tree.encode()),)
    if external_pub:
        _, public = state.suite.derive_key_pair(state.group.keys.external_secret)
        extensions = (*extensions, Extension(ExtensionType.EXTERNAL_PUB, vector(public)))
    return encode_message(sign_group_info(state.group, extensions))
