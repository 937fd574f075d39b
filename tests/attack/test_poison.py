"""Proposals that are valid alone and make every commit that covers them invalid.

Whoever may propose could send one. Receivers keep it, for it breaks no rule of its own; but a
commit that covers it is refused, so a committer who covers whatever is pending could commit
nothing, and while anything is pending nobody may send (section 12.4).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from attack.cast import NOW_S, PLAIN, Room, bundle, client, refused, refuses, stage, usual_room
from attack.forge import forge_commit, forge_key_package, forge_update
from attack.forge_message import forge_message
from backchannel_mls import (
    Add,
    Extension,
    ExtensionType,
    GroupContextExtensions,
    Identity,
    LocalError,
    PreSharedKey,
    Proposal,
    Remove,
    RequiredCapabilities,
    Rule,
    create_commit,
    encrypt,
    forget_proposals,
    merge_commit,
    receive,
)
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.psk import ExternalPskId


def members_key() -> Proposal:
    """An Add with the encryption key of a member, which is public."""
    key = usual_room()["alice"].tree.encryption_key(2)
    return Add(forge_key_package(client("dave"), encryption=(b"", key)).key_package)


def updated_to_members_key() -> Proposal:
    """An Update with the encryption key of another member."""
    return forge_update(usual_room()["mallory"], encryption_key=usual_room()["alice"].tree.encryption_key(2))


def updated_to_members_identity() -> Proposal:
    """An Update with the signature key of another member, who lent it."""
    return forge_update(usual_room()["mallory"], identity=usual_room()["carol"].group.identity)


def unknown_psk() -> Proposal:
    """A pre-shared key that only Mallory has."""
    return PreSharedKey(ExternalPskId(b"Mallory's", bytes(32)))


def unsupported_extension() -> Proposal:
    """A group extension that nobody supports."""
    return GroupContextExtensions((Extension(0xF0F1, b""),))


def unmet_requirement() -> Proposal:
    """Required capabilities that nobody has."""
    required = RequiredCapabilities(proposals=(0xF0F2,)).encode()
    return GroupContextExtensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required),))


def unsupported_credentials() -> Proposal:
    """An Add of somebody who supports no credential type but the own, in a room where that is enough."""
    return Add(forge_key_package(client("dave", capabilities=PLAIN)).key_package)


POISON: dict[Callable[[], Proposal], Rule] = {
    members_key: Rule.ENCRYPTION_KEY_DUPLICATE,
    updated_to_members_key: Rule.ENCRYPTION_KEY_DUPLICATE,
    updated_to_members_identity: Rule.SIGNATURE_KEY_DUPLICATE,
    unknown_psk: Rule.PSK_UNKNOWN,
    unsupported_extension: Rule.GROUP_EXTENSION_UNSUPPORTED,
    unmet_requirement: Rule.GROUP_EXTENSION_UNSUPPORTED,
}


def poisoned(proposal: Proposal) -> Room:
    """The usual room, in which all but Mallory keep a proposal of hers."""
    message = forge_message(usual_room()["mallory"], proposal, private=False)
    return usual_room().hear("mallory", message)


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.__name__)
def test_a_commit_that_covers_poison_is_refused(poison: Callable[[], Proposal]) -> None:
    """Carol is Mallory's accomplice, and commits what an honest member's client would not."""
    room, rule = poisoned(poison()), POISON[poison]
    references = list(room["alice"].proposals)
    forged = forge_commit(room["carol"], references=references, psks=lambda _: b"Mallory's")
    for name in ("alice", "bob"):
        refuses(rule, room[name], forged.message)


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.__name__)
def test_poison_does_not_keep_others_from_committing(poison: Callable[[], Proposal]) -> None:
    """A commit of "all that make a valid list" leaves it out, and the room goes on."""
    room = poisoned(poison())
    pending = create_commit(room["alice"], now_s=NOW_S)
    for name in ("bob", "carol"):
        merged = merge_commit(stage(room[name], pending.message), room[name])
        assert encrypt(merged, b"we go on").message


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.__name__)
def test_poison_does_not_keep_others_from_removing_who_sent_it(poison: Callable[[], Proposal]) -> None:
    room = poisoned(poison())
    pending = create_commit(room["alice"], remove=[3], now_s=NOW_S)
    assert stage(room["bob"], pending.message).effect.removed


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.__name__)
def test_poison_can_be_forgotten(poison: Callable[[], Proposal]) -> None:
    """The way out that an application has by itself."""
    room = poisoned(poison())
    clean = forget_proposals(room["alice"], list(room["alice"].proposals))
    pending = create_commit(clean, now_s=NOW_S)
    stage(room["bob"], pending.message)
    assert encrypt(clean, b"we go on").message


def test_a_removal_of_the_committer_with_a_readdition_does_not_keep_it_from_committing() -> None:
    """Mallory proposes to remove alice and to add her anew: alice can commit neither alone."""
    room = usual_room()
    package = bundle(room["alice"].group.identity).key_package
    proposals: list[Proposal] = [Remove(LeafIndex(0)), Add(package)]
    for generation, proposal in enumerate(proposals):
        room = room.hear("mallory", forge_message(room["mallory"], proposal, generation=generation))
    pending = create_commit(room["alice"], now_s=NOW_S)
    stage(room["bob"], pending.message)


@pytest.mark.rule("KEY_MALFORMED")
@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31)], ids=["zero", "one"])
def test_a_leaf_that_nobody_can_encrypt_to_does_not_come_into_the_group(key: bytes) -> None:
    """Else every later path would fail for every committer, and none could say at whose leaf."""
    room = usual_room()
    update = forge_update(room["mallory"], encryption_key=key)
    message = forge_message(room["mallory"], update)
    with refused(Rule.KEY_MALFORMED, room["bob"]):
        receive(room["bob"], message)
    forged = forge_commit(room["mallory"], identity=client("mallory"))
    stage(room["bob"], forged.message)
    owner: Identity = client("dave")
    package = forge_key_package(owner, encryption=(b"", key)).key_package
    refuses(Rule.KEY_MALFORMED, room["bob"], forge_message(room["mallory"], Add(package)))


def test_an_expired_key_package_that_was_proposed_is_not_committed_by_a_client_without_clock() -> None:
    """Section 7.3: whoever sends the commit must check; `now_s` is demanded as for Adds by value."""
    room = usual_room()
    room = room.hear("mallory", forge_message(room["mallory"], Add(bundle("dave").key_package)))
    with pytest.raises(LocalError) as error:
        create_commit(room["alice"])
    assert error.value.code == "time-missing"
