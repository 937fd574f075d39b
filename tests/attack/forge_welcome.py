"""What a hostile inviter can make: Welcomes and GroupInfos into worlds of her own.

A joiner knows nothing but its key package, so whoever invites can invent a whole group. Each
world here is consistent in itself: the GroupInfo is signed by a leaf of the tree, and tree hash,
secrets and confirmation tag fit together, whatever was altered before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attack.forge import ForgedCommit, PathForgery, forge_commit, resign_leaf
from attack.forge_message import Alter, same
from backchannel_mls import (
    Add,
    Extension,
    ExtensionType,
    GroupContext,
    GroupInfo,
    GroupState,
    Identity,
    KeyPackage,
    KeyPackageBundle,
    LeafIndex,
    LeafNode,
    LeafNodeSource,
    PskId,
    Welcome,
    encode_message,
)
from backchannel_mls.schedule.key_schedule import (
    JoinerSecrets,
    PskLookup,
    epoch_secrets,
    joiner_secrets,
    psk_secret,
    welcome_key_and_nonce,
)
from backchannel_mls.tree.math import common_ancestor, direct_path
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import NodeIndex
from backchannel_mls.wire.commit import HpkeCiphertext
from backchannel_mls.wire.welcome import EncryptedGroupSecrets, GroupSecrets


@dataclass(frozen=True, slots=True)
class World:
    """What a Welcome tells: everything a joiner is to believe, and the inviter who says so."""

    context: GroupContext
    tree: RatchetTree
    joiner: JoinerSecrets
    inviter: Identity
    inviter_leaf: int
    psks: tuple[PskId, ...] = ()
    path_secrets: Mapping[NodeIndex, bytes] | None = None

    def with_tree(self, tree: RatchetTree) -> World:
        """This world with another tree, and the tree hash that goes with it."""
        return replace(self, tree=tree, context=replace(self.context, tree_hash=tree.tree_hash()))

    def with_context(self, **changed: object) -> World:
        """This world with something else in its GroupContext."""
        return replace(self, context=replace(self.context, **changed))  # type: ignore[arg-type] # its fields


def world_of(state: GroupState, guest: KeyPackageBundle, path: PathForgery | None = None) -> World:
    """The world after a commit of `state`'s owner that adds `guest`, with a path forged if one is given."""
    forged = forge_commit(
        state,
        proposals=[Add(guest.key_package)],
        with_path=path is not None,
        path=path or PathForgery(),
    )
    return world_after(forged)


def world_after(forged: ForgedCommit) -> World:
    """The world after a forged commit, as its maker would tell it."""
    state = forged.next_state
    return World(
        forged.epoch.context,
        state.tree,
        forged.epoch.joiner,
        state.group.identity,
        state.own_leaf,
        forged.applied.psks,
        None if forged.path is None else forged.path.path_secrets,
    )


def forge_info(
    world: World,
    *,
    extensions: Sequence[Extension] | None = None,
    alter: Alter[GroupInfo] = same,
    signer: Identity | None = None,
    alter_tag: Alter[bytes] = same,
) -> GroupInfo:
    """The GroupInfo of a world, altered before it is signed."""
    suite, context = world.tree.suite, world.context
    secrets = epoch_secrets(suite, world.joiner, context.encode())
    tag = alter_tag(suite.mac(secrets.confirmation_key, context.confirmed_transcript_hash))
    if extensions is None:
        extensions = [Extension(ExtensionType.RATCHET_TREE, world.tree.encode())]
    info = alter(GroupInfo(context, tuple(extensions), tag, LeafIndex(world.inviter_leaf), b""))
    by = signer or world.inviter
    return info.with_signature(suite.sign_with_label(by.signing_key, b"GroupInfoTBS", info.signed_content()))


def forge_welcome(
    world: World,
    guest: KeyPackage,
    *,
    info: GroupInfo | None = None,
    path_secret: bytes | None = None,
    with_path_secret: bool = True,
    psks: PskLookup | None = None,
    alter_secrets: Alter[GroupSecrets] = same,
    alter_info_bytes: Alter[bytes] = same,
    alter_sealed_info: Alter[bytes] = same,
    suite_id: int | None = None,
) -> bytes:
    """A Welcome into a world for one guest. `psks`: the secrets, where the world uses other ones."""
    suite = world.tree.suite
    joiner = world.joiner
    if psks is not None:
        joiner = joiner_secrets(suite, joiner.joiner_secret, psk_secret(suite, world.psks, psks))
        world = replace(world, joiner=joiner)
    info = info or forge_info(world)
    key, nonce = welcome_key_and_nonce(suite, joiner.welcome_secret)
    sealed = alter_sealed_info(suite.aead_seal(key, nonce, alter_info_bytes(info.encode()), b""))
    if path_secret is None and with_path_secret and world.path_secrets:
        own = next(index for index, leaf in world.tree.leaves() if leaf == guest.leaf_node)
        meeting = NodeIndex(common_ancestor(2 * world.inviter_leaf, 2 * own))
        path_secret = world.path_secrets.get(meeting)
    plain = alter_secrets(GroupSecrets(joiner.joiner_secret, path_secret, world.psks)).encode()
    box = HpkeCiphertext(*suite.encrypt_with_label(guest.init_key, b"Welcome", sealed, plain))
    welcome = Welcome(
        suite.id if suite_id is None else suite_id,
        (EncryptedGroupSecrets(guest.reference(suite), box),),
        sealed,
    )
    return encode_message(welcome)


def with_leaf(world: World, index: int, leaf: LeafNode | None) -> World:
    """A world with a leaf put in place, the nodes above it blank."""
    blank = dict.fromkeys(direct_path(2 * index, world.tree.root))
    return world.with_tree(world.tree.with_nodes({**blank, 2 * index: leaf}))


def update_leaf(
    world: World,
    owner: Identity,
    index: int,
    alter: Alter[LeafNode] = same,
    *,
    leaf_signer: Identity | None = None,
) -> LeafNode:
    """A leaf of source update, which chains to nothing: right in itself but for what is altered."""
    suite = world.tree.suite
    key = suite.derive_key_pair(owner.signature_key + bytes((index,)))[1]
    group_id = world.context.group_id
    leaf = owner.sign_leaf(key, LeafNodeSource.UPDATE, group_id=group_id, index=LeafIndex(index))
    return resign_leaf(alter(leaf), leaf_signer or owner, group_id=group_id, index=index)
