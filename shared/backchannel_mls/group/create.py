"""Creating a group (RFC 9420 section 11)."""

from __future__ import annotations

import os
from collections.abc import Iterable

from backchannel_mls.crypto.suite import RandomBytes
from backchannel_mls.group.advance import NextEpoch, first_state
from backchannel_mls.group.identity import Identity, create_key_package
from backchannel_mls.group.leaf_rules import check_leaf_fits_group
from backchannel_mls.group.state import GroupState, Settings
from backchannel_mls.schedule.key_schedule import JoinerSecrets, secrets_of_epoch
from backchannel_mls.schedule.transcript import interim_transcript_hash
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex, NodeIndex
from backchannel_mls.wire.extension import Extension, check_known_extensions
from backchannel_mls.wire.group_context import GroupContext


def create_group(
    identity: Identity,
    *,
    group_id: bytes,
    now_s: int,
    extensions: Iterable[Extension] = (),
    settings: Settings | None = None,
    random: RandomBytes = os.urandom,
) -> GroupState:
    """A group with this client as its only member, at epoch 0.

    `group_id` should be random and long enough never to be met twice; `extensions` are the
    GroupContext's, which every member must support. Raises RemoteError where `identity` does not.
    """
    extensions = tuple(extensions)
    check_known_extensions(extensions)
    bundle = create_key_package(identity, now_s=now_s, random=random)
    leaf = bundle.key_package.leaf_node
    check_leaf_fits_group(leaf, extensions)
    suite = identity.suite
    tree = RatchetTree(suite, [leaf])
    context = GroupContext(suite.id, GroupId(group_id), EpochNumber(0), tree.tree_hash(), b"", extensions)
    secrets = secrets_of_epoch(suite, random(suite.hash_size))
    tag = suite.mac(secrets.confirmation_key, b"")
    interim = interim_transcript_hash(suite, b"", tag)
    nobody_joins = JoinerSecrets(b"", b"", b"")
    epoch = NextEpoch(context, context.encode(), nobody_joins, secrets, tag, interim)
    keys = {NodeIndex(0): bundle.encryption_private}
    return first_state(epoch, tree, identity, LeafIndex(0), keys, settings or Settings())
