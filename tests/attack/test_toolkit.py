"""Controls: what the toolkit forges without an alteration is accepted by everybody.

Without them a refusal would prove little: it might be due to a forgery that is wrong all over.
"""

from __future__ import annotations

import pytest

from attack.cast import NOW_S, Room, after, agreeing, bundle, client, read, stage, usual_room
from attack.forge import (
    PathForgery,
    forge_commit,
    forge_external_commit,
    forge_key_package,
    forge_update,
)
from attack.forge_message import forge_message
from attack.forge_welcome import forge_info, forge_welcome, update_leaf, with_leaf, world_of
from backchannel_mls import (
    Add,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ProposalReceived,
    Remove,
    create_group_info,
    encode_message,
    join_by_external_commit,
    join_group,
    merge_commit,
    receive,
)
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.psk import ExternalPskId

SUITES = (1, 2, 3, 83)


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kind", ["empty", "add", "add with path", "remove", "extensions"])
def test_a_commit_forged_without_alteration_is_accepted(suite: int, private: bool, kind: str) -> None:
    room = usual_room(suite)
    kinds: dict[str, list[Proposal]] = {
        "empty": [],
        "add": [Add(bundle(client("dave", suite=suite)).key_package)],
        "add with path": [Add(bundle(client("dave", suite=suite)).key_package)],
        "remove": [Remove(LeafIndex(2))],
        "extensions": [GroupContextExtensions(())],
    }
    proposals = kinds[kind]
    with_path = None if kind == "add" else True
    forged = forge_commit(room["mallory"], proposals=proposals, with_path=with_path, private=private)
    for name in room.others("mallory"):
        staged = stage(room[name], forged.message)
        gone = kind == "remove" and name == "carol"
        assert staged.self_removed is gone
        if not gone:
            assert (
                merge_commit(staged, room[name]).epoch_authenticator == forged.next_state.epoch_authenticator
            )


def test_psks_that_all_know_are_accepted() -> None:
    room = usual_room()
    psk = ExternalPskId(b"known", bytes(32))
    forged = forge_commit(room["mallory"], proposals=[PreSharedKey(psk)], psks=lambda _: b"secret")
    for name in room.others("mallory"):
        staged = stage(room[name], forged.message, psks=lambda _: b"secret")
        assert merge_commit(staged, room[name]).epoch_authenticator == forged.next_state.epoch_authenticator


@pytest.mark.parametrize("suite", SUITES)
def test_an_external_commit_forged_without_alteration_is_accepted(suite: int) -> None:
    room = usual_room(suite)
    forged = forge_external_commit(room["mallory"], client("dave", suite=suite))
    states = {"dave": forged.next_state}
    for name in room.states:
        states[name] = after(room[name], forged.message)
    agreeing(Room(states))


@pytest.mark.parametrize("private", [True, False])
def test_proposals_forged_without_alteration_are_accepted(private: bool) -> None:
    room = usual_room()
    mallory = room["mallory"]
    package = forge_key_package(client("dave")).key_package
    for proposal in (Add(package), forge_update(mallory), Remove(LeafIndex(0))):
        message = forge_message(mallory, proposal, private=private)
        assert isinstance(receive(room["bob"], message, now_s=NOW_S), ProposalReceived)


def test_application_data_forged_without_alteration_is_read() -> None:
    room = usual_room()
    assert read(room["bob"], forge_message(room["mallory"], b"hello", generation=7)).data == b"hello"


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("with_path", [True, False])
def test_a_welcome_forged_without_alteration_is_accepted(suite: int, with_path: bool) -> None:
    guest = bundle(client("dave", suite=suite))
    world = world_of(usual_room(suite)["mallory"], guest, PathForgery() if with_path else None)
    state = join_group(guest, forge_welcome(world, guest.key_package))
    assert len(state.members()) == 5


def test_a_world_with_an_invented_member_is_accepted_where_all_its_leaves_are_valid() -> None:
    """A joiner cannot know who is real: that is what credentials and judge_join are for."""
    guest = bundle("dave")
    world = world_of(usual_room()["mallory"], guest, PathForgery())
    ghost = with_leaf(world, 1, update_leaf(world, client("bob"), 1))
    state = join_group(guest, forge_welcome(ghost, guest.key_package, with_path_secret=False))
    assert len(state.members()) == 5


def test_a_group_info_forged_without_alteration_lets_join() -> None:
    room = usual_room()
    assert create_group_info(room["mallory"], external_pub=True)
    guest = bundle("eve")
    world = world_of(room["mallory"], guest)
    pub = room["mallory"].suite.derive_key_pair(b"anything" * 4)[1]
    from backchannel_mls import Extension, ExtensionType
    from backchannel_mls.codec import vector

    extensions = [
        Extension(ExtensionType.RATCHET_TREE, world.tree.encode()),
        Extension(ExtensionType.EXTERNAL_PUB, vector(pub)),
    ]
    info = encode_message(forge_info(world, extensions=extensions))
    assert join_by_external_commit(client("dave"), info).message
