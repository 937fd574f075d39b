"""Welcomes and GroupInfos that are not what they must be (sections 12.4.3.1 and 12.4.3.2)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from attack.cast import NOW_S, bundle, client, refused, usual_room
from attack.forge import PathForgery, forge_commit, forge_path
from attack.forge_message import Alter, flipped, forge_message
from attack.forge_welcome import World, forge_info, forge_welcome, world_after, world_of
from backchannel_mls import (
    Add,
    Extension,
    ExtensionType,
    GroupInfo,
    KeyPackageBundle,
    LocalError,
    PreSharedKey,
    Proposal,
    Rule,
    Settings,
    Welcome,
    create_commit,
    create_group_info,
    encode_message,
    join_by_external_commit,
    join_group,
    parse_message,
    receive,
    records,
)
from backchannel_mls.codec import vector
from backchannel_mls.group.advance import NextEpoch, first_state
from backchannel_mls.group.state import GroupState
from backchannel_mls.schedule.key_schedule import epoch_secrets
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex, ResumptionUsage
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.psk import ExternalPskId, ResumptionPskId

PATHS = pytest.mark.parametrize("path", [None, PathForgery()], ids=["without path", "with path"])
PSK_ID = ExternalPskId(b"id", bytes(32))


@cache
def guest() -> KeyPackageBundle:
    """Whom Mallory invites."""
    return bundle("guest")


def invited(path: PathForgery | None = None) -> World:
    """The world after Mallory's commit that adds the guest."""
    return world_of(usual_room()["mallory"], guest(), path)


def wrong_info(world: World, **altered: Alter[GroupInfo]) -> bytes:
    """A Welcome whose GroupInfo was altered before it was signed."""
    return forge_welcome(world, guest().key_package, info=forge_info(world, **altered))  # type: ignore[arg-type] # options of forge_info


# ---- for whom
@pytest.mark.rule("WELCOME_NOT_FOR_US")
def test_a_welcome_for_another_key_package_is_refused() -> None:
    welcome = forge_welcome(invited(), guest().key_package)
    with refused(Rule.WELCOME_NOT_FOR_US):
        join_group(bundle(guest().identity), welcome)
    join_group(guest(), welcome)


@pytest.mark.rule("WELCOME_SUITE_WRONG")
@pytest.mark.parametrize("suite", [0, 3, 83, 0xFFFF])
def test_a_welcome_of_another_suite_is_refused(suite: int) -> None:
    with refused(Rule.WELCOME_SUITE_WRONG):
        join_group(guest(), forge_welcome(invited(), guest().key_package, suite_id=suite))


@pytest.mark.rule("OWN_LEAF_MISSING")
@PATHS
def test_a_welcome_into_a_tree_without_the_recipient_is_refused(path: PathForgery | None) -> None:
    world = replace(world_of(usual_room()["mallory"], bundle("eve"), path), path_secrets=None)
    with refused(Rule.OWN_LEAF_MISSING):
        join_group(guest(), forge_welcome(world, guest().key_package))


@pytest.mark.rule("OWN_LEAF_MISSING")
def test_a_welcome_into_a_tree_with_another_leaf_of_the_recipient_is_refused() -> None:
    """The same client and the same keys but for one: it would hold no private key of its leaf."""
    world = replace(world_of(usual_room()["mallory"], bundle(guest().identity)), path_secrets=None)
    with refused(Rule.OWN_LEAF_MISSING):
        join_group(guest(), forge_welcome(world, guest().key_package))


@pytest.mark.rule("GROUP_ID_KNOWN")
def test_a_welcome_into_a_group_of_a_known_id_is_refused() -> None:
    world = invited()
    welcome = forge_welcome(world, guest().key_package)
    with refused(Rule.GROUP_ID_KNOWN):
        join_group(guest(), welcome, known_group_ids={b"else", world.context.group_id})
    join_group(guest(), welcome, known_group_ids={b"else"})


# ---- encryption
@pytest.mark.rule("WELCOME_UNDECRYPTABLE")
@pytest.mark.parametrize("part", ["info", "secrets", "kem output", "empty secrets", "no kem output"])
def test_a_welcome_that_the_server_altered_is_refused(part: str) -> None:
    honest = create_commit(usual_room()["alice"], add=[guest().key_package], now_s=NOW_S).welcome
    assert honest is not None
    parsed = parse_message(honest)
    assert isinstance(parsed, Welcome)
    (ours,) = parsed.secrets
    box = ours.encrypted_group_secrets
    boxes = {
        "secrets": replace(box, ciphertext=flipped(box.ciphertext)),
        "kem output": replace(box, kem_output=flipped(box.kem_output)),
        "empty secrets": replace(box, ciphertext=b""),
        "no kem output": replace(box, kem_output=b""),
    }
    if part == "info":
        altered = replace(parsed, encrypted_group_info=flipped(parsed.encrypted_group_info))
    else:
        altered = replace(parsed, secrets=(replace(ours, encrypted_group_secrets=boxes[part]),))
    with refused(Rule.WELCOME_UNDECRYPTABLE):
        join_group(guest(), encode_message(altered))
    join_group(guest(), honest)


@pytest.mark.rule("WELCOME_UNDECRYPTABLE")
def test_a_group_info_sealed_with_another_key_is_refused() -> None:
    world = invited()
    for welcome in (
        forge_welcome(world, guest().key_package, alter_sealed_info=flipped),
        forge_welcome(world, guest().key_package, alter_sealed_info=lambda _: b""),
        forge_welcome(world, guest().key_package, alter_sealed_info=lambda sealed: sealed[1:]),
        forge_welcome(world, guest().key_package, alter_secrets=lambda one: replace(one, joiner_secret=b"")),
    ):
        with refused(Rule.WELCOME_UNDECRYPTABLE):
            join_group(guest(), welcome)


@pytest.mark.rule("TRAILING_BYTES")
@pytest.mark.rule("TRUNCATED")
@pytest.mark.rule("VERSION_UNSUPPORTED")
def test_a_malformed_group_info_in_a_welcome_is_refused() -> None:
    cases: list[tuple[Alter[bytes], Rule]] = [
        (lambda info: info + b"\0", Rule.TRAILING_BYTES),
        (lambda info: info[:-1], Rule.TRUNCATED),
        (lambda info: b"", Rule.TRUNCATED),
        (lambda info: b"\0\2" + info[2:], Rule.VERSION_UNSUPPORTED),
    ]
    for alter, rule in cases:
        with refused(rule):
            join_group(guest(), forge_welcome(invited(), guest().key_package, alter_info_bytes=alter))


# ---- who signed
@pytest.mark.rule("GROUP_INFO_SIGNATURE_INVALID")
@PATHS
def test_a_group_info_signed_by_an_outsider_is_refused(path: PathForgery | None) -> None:
    world = invited(path)
    info = forge_info(world, signer=client("outsider"))
    with refused(Rule.GROUP_INFO_SIGNATURE_INVALID):
        join_group(guest(), forge_welcome(world, guest().key_package, info=info))
    with refused(Rule.GROUP_INFO_SIGNATURE_INVALID):
        join_by_external_commit(client("dave"), encode_message(info))


@pytest.mark.rule("GROUP_INFO_SIGNATURE_INVALID")
def test_a_group_info_signed_by_one_member_in_anothers_name_is_refused() -> None:
    world = replace(invited(), inviter_leaf=0)
    with refused(Rule.GROUP_INFO_SIGNATURE_INVALID):
        join_group(guest(), forge_welcome(world, guest().key_package))


@pytest.mark.rule("GROUP_INFO_SIGNATURE_INVALID")
@pytest.mark.parametrize("altered", ["empty", "flipped", "context", "extensions", "tag"])
def test_a_group_info_altered_after_it_was_signed_is_refused(altered: str) -> None:
    honest = parse_message(create_group_info(usual_room()["alice"], external_pub=True))
    assert isinstance(honest, GroupInfo)
    info = {
        "empty": honest.with_signature(b""),
        "flipped": honest.with_signature(flipped(honest.signature)),
        "context": replace(honest, group_context=replace(honest.group_context, group_id=GroupId(b"else"))),
        "extensions": replace(honest, extensions=(*honest.extensions, Extension(0xF0F0, b""))),
        "tag": replace(honest, confirmation_tag=flipped(honest.confirmation_tag)),
    }[altered]
    with refused(Rule.GROUP_INFO_SIGNATURE_INVALID):
        join_by_external_commit(client("dave"), encode_message(info.with_signature(info.signature)))
    join_by_external_commit(client("dave"), encode_message(honest))


@pytest.mark.rule("GROUP_INFO_SIGNER_BLANK")
@pytest.mark.parametrize("leaf", [5, 8, 2**31, 2**32 - 1])
def test_a_group_info_signed_by_nobody_in_the_group_is_refused(leaf: int) -> None:
    world = replace(invited(), inviter_leaf=leaf)
    with refused(Rule.GROUP_INFO_SIGNER_BLANK):
        join_group(guest(), forge_welcome(world, guest().key_package))


@pytest.mark.rule("GROUP_INFO_SIGNATURE_INVALID")
def test_a_group_info_signed_by_a_removed_member_is_refused() -> None:
    """Mallory knows all that the joiner would, but for her leaf, where the joiner sits now."""
    room = usual_room().commit("alice", remove=[3])
    mallory = usual_room()["mallory"]
    world = replace(world_of(room["alice"], guest()), inviter=mallory.group.identity)
    for leaf in (mallory.own_leaf, room["bob"].own_leaf):
        with refused(Rule.GROUP_INFO_SIGNATURE_INVALID):
            join_group(guest(), forge_welcome(replace(world, inviter_leaf=leaf), guest().key_package))


@pytest.mark.rule("WELCOME_SIGNER_SELF")
@PATHS
def test_a_welcome_signed_by_its_own_recipient_is_refused(path: PathForgery | None) -> None:
    """Mallory has a copy of the guest's signature key, as from a lost device of the guest's."""
    world = invited(path)
    own = next(index for index, leaf in world.tree.leaves() if leaf == guest().key_package.leaf_node)
    world = replace(world, inviter=guest().identity, inviter_leaf=own)
    with refused(Rule.WELCOME_SIGNER_SELF):
        join_group(guest(), forge_welcome(world, guest().key_package, path_secret=bytes(32)))
    with refused(Rule.WELCOME_SIGNER_SELF):
        join_group(guest(), forge_welcome(world, guest().key_package, with_path_secret=False))


# ---- what is said
@pytest.mark.rule("CONFIRMATION_TAG_INVALID")
@PATHS
def test_a_welcome_with_a_wrong_confirmation_tag_is_refused(path: PathForgery | None) -> None:
    alterations: list[Alter[bytes]] = [flipped, lambda _: b"", lambda tag: tag + b"\0", lambda tag: tag[:-1]]
    world = invited(path)
    for alter in alterations:
        with refused(Rule.CONFIRMATION_TAG_INVALID):
            join_group(guest(), wrong_info(world, alter_tag=alter))  # type: ignore[arg-type] # of bytes
    join_group(guest(), forge_welcome(world, guest().key_package))


@pytest.mark.rule("GROUP_INFO_SUITE_WRONG")
def test_a_group_info_of_another_suite_is_refused() -> None:
    """The Welcome is of the recipient's suite, the group is not."""
    world = invited()
    for suite in (3, 83, 0xFFFF):
        other = world.with_context(cipher_suite=suite)
        with refused(Rule.GROUP_INFO_SUITE_WRONG):
            join_group(guest(), forge_welcome(other, guest().key_package))
        with refused(Rule.GROUP_INFO_SUITE_WRONG):
            join_by_external_commit(client("dave"), encode_message(forge_info(other)))


@pytest.mark.rule("TREE_MISSING")
def test_a_welcome_without_tree_is_refused_where_none_is_given_beside_it() -> None:
    world = invited()
    welcome = forge_welcome(world, guest().key_package, info=forge_info(world, extensions=[]))
    with refused(Rule.TREE_MISSING):
        join_group(guest(), welcome)
    join_group(guest(), welcome, ratchet_tree=world.tree.encode())


@pytest.mark.rule("EXTERNAL_PUB_MISSING")
def test_a_group_info_that_allows_no_external_join_is_refused() -> None:
    with refused(Rule.EXTERNAL_PUB_MISSING):
        join_by_external_commit(client("dave"), create_group_info(usual_room()["alice"]))


@pytest.mark.rule("KEY_MALFORMED")
@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32)], ids=["empty", "short", "zero"])
def test_an_external_pub_that_is_no_key_is_refused(key: bytes) -> None:
    world = invited()
    extensions = [
        Extension(ExtensionType.RATCHET_TREE, world.tree.encode()),
        Extension(ExtensionType.EXTERNAL_PUB, vector(key)),
    ]
    with refused(Rule.KEY_MALFORMED):
        join_by_external_commit(client("dave"), encode_message(forge_info(world, extensions=extensions)))


@pytest.mark.rule("LEAF_GROUP_EXTENSION_UNSUPPORTED")
def test_a_group_with_an_extension_that_the_joiner_does_not_support_is_refused() -> None:
    world = invited().with_context(extensions=(Extension(0xF0F1, b""),))
    with refused(Rule.LEAF_GROUP_EXTENSION_UNSUPPORTED):
        join_group(guest(), forge_welcome(world, guest().key_package))


@pytest.mark.rule("TRUNCATED")
def test_a_group_with_a_malformed_extension_is_refused() -> None:
    world = invited().with_context(extensions=(Extension(ExtensionType.REQUIRED_CAPABILITIES, b""),))
    with refused(Rule.TRUNCATED):
        join_group(guest(), forge_welcome(world, guest().key_package))


# ---- path secrets
@pytest.mark.rule("PATH_KEY_MISMATCH")
@pytest.mark.parametrize("secret", [b"", bytes(32), bytes(33)], ids=["empty", "zeros", "long"])
def test_a_welcome_with_a_path_secret_that_does_not_give_the_keys_is_refused(secret: bytes) -> None:
    world = invited(PathForgery())
    with refused(Rule.PATH_KEY_MISMATCH):
        join_group(guest(), forge_welcome(world, guest().key_package, path_secret=secret))


@pytest.mark.rule("PATH_KEY_MISMATCH")
def test_a_welcome_with_a_path_secret_where_the_path_is_blank_is_refused() -> None:
    room = usual_room().commit("alice", remove=[2])
    world = world_of(room["mallory"], guest())
    with refused(Rule.PATH_KEY_MISMATCH):
        join_group(guest(), forge_welcome(world, guest().key_package, path_secret=bytes(32)))


# ---- pre-shared keys
def _known(_: object) -> bytes:
    return b"known"


@pytest.mark.rule("PSK_UNKNOWN")
def test_a_welcome_with_a_psk_that_is_not_at_hand_is_refused() -> None:
    proposals: list[Proposal] = [Add(guest().key_package), PreSharedKey(PSK_ID)]
    forged = forge_commit(usual_room()["mallory"], proposals=proposals, psks=_known)
    welcome = forge_welcome(world_after(forged), guest().key_package)
    with refused(Rule.PSK_UNKNOWN):
        join_group(guest(), welcome)
    with refused(Rule.WELCOME_UNDECRYPTABLE):
        join_group(guest(), welcome, psks=lambda _: b"another")
    join_group(guest(), welcome, psks=_known)


@pytest.mark.rule("WELCOME_PSKS_CONFLICT")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ResumptionUsage.REINIT, ResumptionUsage.BRANCH),
        (ResumptionUsage.BRANCH, ResumptionUsage.BRANCH),
        (ResumptionUsage.REINIT, ResumptionUsage.REINIT),
    ],
)
def test_a_welcome_that_continues_two_groups_is_refused(
    first: ResumptionUsage, second: ResumptionUsage
) -> None:
    links = tuple(
        ResumptionPskId(usage, GroupId(group), EpochNumber(1), bytes(32))
        for usage, group in ((first, b"one"), (second, b"two"))
    )
    world = replace(invited(), psks=links)
    with refused(Rule.WELCOME_PSKS_CONFLICT):
        join_group(guest(), forge_welcome(world, guest().key_package, psks=_known), psks=_known)


# ---- the last epoch
def test_a_group_in_the_last_epoch_that_can_be_numbered_raises_nothing_but_our_errors() -> None:
    """Mallory invites into epoch 2**64 - 1; what follows it cannot even be encoded."""
    world = invited().with_context(epoch=EpochNumber(2**64 - 1))
    state = join_group(guest(), forge_welcome(world, guest().key_package))
    before = records(state)
    with pytest.raises(LocalError) as error:
        create_commit(state)
    assert error.value.code == "epochs-exhausted"
    mallory = state_in(world)
    tree, own = world.tree, LeafIndex(world.inviter_leaf)
    path = forge_path(tree, own, (), world.inviter, state.group_id, lambda _: b"", PathForgery())
    message = forge_message(mallory, Commit((), path.update_path), tag=bytes(32))
    with pytest.raises(LocalError) as error:
        receive(state, message)
    assert error.value.code == "epochs-exhausted"
    assert records(state) == before


def state_in(world: World) -> GroupState:
    """The inviter's own state in a world."""
    suite, encoded = world.tree.suite, world.context.encode()
    secrets = epoch_secrets(suite, world.joiner, encoded)
    epoch = NextEpoch(world.context, encoded, world.joiner, secrets, b"", b"")
    return first_state(epoch, world.tree, world.inviter, LeafIndex(world.inviter_leaf), {}, Settings())
