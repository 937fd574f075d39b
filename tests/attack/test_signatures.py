"""Who may say what in whose name: signatures, tags and senders (sections 6.1 and 6.2)."""

from __future__ import annotations

from functools import cache

import pytest

from attack.cast import (
    MEMBERS,
    Room,
    build_room,
    bundle,
    client,
    everybody_refuses,
    other_room,
    read,
    refuses,
    usual_room,
)
from attack.forge import forge_commit, forge_external_commit, forge_update
from attack.forge_message import Alter, flipped, forge_message, forge_outside
from backchannel_mls import (
    Add,
    BasicCredential,
    Extension,
    ExtensionType,
    ExternalInit,
    ExternalSender,
    Identity,
    PublicMessage,
    Remove,
    Rule,
    Sender,
    SenderType,
    WireFormat,
    encode_message,
    encrypt,
    parse_message,
    propose,
)
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.extension import encode_external_senders
from backchannel_mls.wire.framing import Body

SAID = b"something that Mallory says"
PROPOSED = Remove(LeafIndex(2))
KINDS = pytest.mark.parametrize(
    ("body", "private"),
    [(SAID, True), (PROPOSED, True), (PROPOSED, False)],
    ids=["application", "private proposal", "public proposal"],
)
ALTERED_TAGS: dict[str, Alter[bytes]] = {
    "empty": lambda _: b"",
    "flipped": flipped,
    "shorter": lambda tag: tag[:-1],
    "longer": lambda tag: tag + b"\0",
    "zeros": lambda tag: bytes(len(tag)),
}


# ---- signatures
@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@KINDS
@pytest.mark.parametrize("altered", ALTERED_TAGS)
def test_a_message_with_a_broken_signature_is_refused(altered: str, body: Body, private: bool) -> None:
    room = usual_room()
    honest = forge_message(room["mallory"], body, private=private)
    message = forge_message(room["mallory"], body, private=private, alter_signature=ALTERED_TAGS[altered])
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message, honest=honest)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@KINDS
def test_a_message_signed_with_another_key_is_refused(body: Body, private: bool) -> None:
    room = usual_room()
    message = forge_message(room["mallory"], body, private=private, signer=client("mallory"))
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@KINDS
def test_a_message_signed_for_another_group_is_refused(body: Body, private: bool) -> None:
    room = usual_room()
    elsewhere = other_room()["mallory"].messages
    message = forge_message(room["mallory"], body, private=private, signed_by=elsewhere)
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@KINDS
def test_a_message_signed_for_another_epoch_is_refused(body: Body, private: bool) -> None:
    room = usual_room()
    later = room.commit("alice")["mallory"].messages
    message = forge_message(room["mallory"], body, private=private, signed_by=later)
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@KINDS
def test_a_message_signed_for_the_other_wire_format_is_refused(body: Body, private: bool) -> None:
    room = usual_room()
    other = WireFormat.PUBLIC_MESSAGE if private else WireFormat.PRIVATE_MESSAGE
    message = forge_message(room["mallory"], body, private=private, signed_as=other)
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@KINDS
def test_a_member_cannot_speak_in_anothers_name(body: Body, private: bool) -> None:
    """Mallory knows the secret tree and the membership key, but not bob's signature key."""
    room = usual_room()
    bob = Sender(SenderType.MEMBER, room["bob"].own_leaf)
    message = forge_message(room["mallory"], body, private=private, sender=bob)
    for name in ("alice", "carol"):
        refuses(Rule.CONTENT_SIGNATURE_INVALID, room[name], message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("altered", ALTERED_TAGS)
def test_a_commit_with_a_broken_signature_is_refused(altered: str, private: bool) -> None:
    room = usual_room()
    honest = forge_commit(room["mallory"], private=private)
    forged = forge_commit(
        room["mallory"],
        private=private,
        alter_signed=lambda signed: signed._replace(signature=ALTERED_TAGS[altered](signed.signature)),
    )
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, forged.message, honest=honest.message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@pytest.mark.parametrize("altered", ALTERED_TAGS)
def test_an_external_commit_with_a_broken_signature_is_refused(altered: str) -> None:
    room, joiner = usual_room(), client("dave")
    honest = forge_external_commit(room["mallory"], joiner)
    forged = forge_external_commit(
        room["mallory"],
        joiner,
        alter_signed=lambda signed: signed._replace(signature=ALTERED_TAGS[altered](signed.signature)),
    )
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, forged.message, but="", honest=honest.message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
def test_an_external_commit_signed_by_another_than_its_leaf_is_refused() -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("dave"), identity=client("eve"))
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, forged.message, but="")


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
def test_a_new_members_proposal_signed_by_another_than_its_key_package_is_refused() -> None:
    room, dave = usual_room(), bundle("dave")
    sender, add = Sender(SenderType.NEW_MEMBER_PROPOSAL), Add(dave.key_package)
    honest = forge_outside(room["bob"], add, sender, dave.identity)
    message = forge_outside(room["bob"], add, sender, client("dave"))
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message, but="", honest=honest)


# ---- membership tags: the server sees public messages, and may be anybody's accomplice
@pytest.mark.rule("MEMBERSHIP_TAG_INVALID")
@pytest.mark.parametrize("altered", ALTERED_TAGS)
def test_a_public_message_with_a_wrong_membership_tag_is_refused(altered: str) -> None:
    room = usual_room()
    honest = propose(room["alice"], PROPOSED, private=False).message
    parsed = parse_message(honest)
    assert isinstance(parsed, PublicMessage)
    assert parsed.membership_tag is not None
    tag = ALTERED_TAGS[altered](parsed.membership_tag)
    message = encode_message(PublicMessage(parsed.content, parsed.auth, tag))
    everybody_refuses(Rule.MEMBERSHIP_TAG_INVALID, room, message, but="alice", honest=honest)


@pytest.mark.rule("MEMBERSHIP_TAG_INVALID")
def test_a_membership_tag_of_another_epoch_is_refused() -> None:
    """Mallory was removed: she has her signature key and the old epoch's keys."""
    room = usual_room()
    later = room.commit("alice", remove=[3])
    message = forge_message(
        room["mallory"],
        PROPOSED,
        private=False,
        signed_by=later["alice"].messages,
        framed_by=later["alice"].messages,
    )
    everybody_refuses(Rule.MEMBERSHIP_TAG_INVALID, later, message)


# ---- confirmation tags
@pytest.mark.rule("CONFIRMATION_TAG_INVALID")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("altered", ALTERED_TAGS)
def test_a_commit_with_a_wrong_confirmation_tag_is_refused(altered: str, private: bool) -> None:
    room = usual_room()
    honest = forge_commit(room["mallory"], private=private)
    forged = forge_commit(room["mallory"], private=private, alter_tag=ALTERED_TAGS[altered])
    everybody_refuses(Rule.CONFIRMATION_TAG_INVALID, room, forged.message, honest=honest.message)


@pytest.mark.rule("CONFIRMATION_TAG_INVALID")
def test_a_commit_confirmed_for_another_init_secret_is_refused() -> None:
    """The secrets of another history: who takes it would be alone in its epoch."""
    room = usual_room()
    forged = forge_commit(room["mallory"], init_secret=bytes(32))
    everybody_refuses(Rule.CONFIRMATION_TAG_INVALID, room, forged.message)


@pytest.mark.rule("CONFIRMATION_TAG_INVALID")
def test_an_external_commit_with_another_init_secret_is_refused() -> None:
    """Section 8.3: the joiner's KEM output decides, not what the joiner would like."""
    room = usual_room()
    forged = forge_external_commit(room["mallory"], client("dave"), init_secret=bytes(32))
    everybody_refuses(Rule.CONFIRMATION_TAG_INVALID, room, forged.message, but="")


# ---- senders
@pytest.mark.rule("SENDER_BLANK")
@pytest.mark.parametrize("leaf", [2, 4, 2**31, 2**32 - 1])
@KINDS
def test_a_sender_who_is_not_in_the_group_is_refused(leaf: int, body: Body, private: bool) -> None:
    room = usual_room().commit("alice", remove=[2])
    sender = Sender(SenderType.MEMBER, leaf)
    gone = usual_room()["carol"].group.identity
    body = Remove(LeafIndex(0)) if body is PROPOSED else body
    message = forge_message(room["mallory"], body, private=private, sender=sender, signer=gone)
    everybody_refuses(Rule.SENDER_BLANK, room, message)


@pytest.mark.rule("APPLICATION_NOT_PRIVATE")
def test_application_data_in_a_public_message_is_refused() -> None:
    room = usual_room()
    message = forge_message(room["mallory"], SAID, private=False)
    everybody_refuses(
        Rule.APPLICATION_NOT_PRIVATE, room, message, honest=forge_message(room["mallory"], SAID)
    )


@pytest.mark.rule("OWN_MESSAGE")
@KINDS
def test_ones_own_message_reflected_is_refused(body: Body, private: bool) -> None:
    room = usual_room()
    bob = room["bob"]
    if isinstance(body, bytes):
        sent, message = encrypt(bob, body).state, encrypt(bob, body).message
    else:
        proposed = propose(bob, PROPOSED, private=private)
        sent, message = proposed.state, proposed.message
    for state in (bob, sent):
        refuses(Rule.OWN_MESSAGE, state, message)


@pytest.mark.rule("OWN_MESSAGE")
@KINDS
def test_a_message_forged_in_the_receivers_own_name_is_refused(body: Body, private: bool) -> None:
    room = usual_room()
    bob = room["bob"].group.identity  # stolen, so that nothing but the name is wrong
    sender = Sender(SenderType.MEMBER, room["bob"].own_leaf)
    refuses(
        Rule.OWN_MESSAGE,
        room["bob"],
        forge_message(room["mallory"], body, private=private, sender=sender, signer=bob),
    )


# ---- senders outside the group
@cache
def watched_room() -> tuple[Room, Identity]:
    """A room with one external sender."""
    watcher = client("watcher")
    sender = ExternalSender(watcher.signature_key, BasicCredential(b"watcher"))
    data = encode_external_senders([sender])
    return build_room(MEMBERS, extensions=[Extension(ExtensionType.EXTERNAL_SENDERS, data)]), watcher


@pytest.mark.rule("EXTERNAL_SENDER_UNKNOWN")
@pytest.mark.parametrize("index", [1, 2**32 - 1])
def test_an_external_sender_of_an_index_that_is_not_there_is_refused(index: int) -> None:
    room, watcher = watched_room()
    honest = forge_outside(room["bob"], PROPOSED, Sender(SenderType.EXTERNAL, 0), watcher)
    message = forge_outside(room["bob"], PROPOSED, Sender(SenderType.EXTERNAL, index), watcher)
    everybody_refuses(Rule.EXTERNAL_SENDER_UNKNOWN, room, message, but="", honest=honest)


@pytest.mark.rule("EXTERNAL_SENDER_UNKNOWN")
def test_an_external_sender_is_refused_where_the_group_has_none() -> None:
    room = usual_room()
    message = forge_outside(room["bob"], PROPOSED, Sender(SenderType.EXTERNAL, 0), client("watcher"))
    everybody_refuses(Rule.EXTERNAL_SENDER_UNKNOWN, room, message, but="")


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
def test_a_member_cannot_speak_as_an_external_sender() -> None:
    room, _ = watched_room()
    mallory = room["mallory"].group.identity
    message = forge_outside(room["bob"], PROPOSED, Sender(SenderType.EXTERNAL, 0), mallory)
    everybody_refuses(Rule.CONTENT_SIGNATURE_INVALID, room, message)


@pytest.mark.rule("EXTERNAL_SENDER_CONTENT")
def test_a_commit_of_an_external_sender_is_refused() -> None:
    room, watcher = watched_room()
    made = forge_commit(room["mallory"], proposals=[Remove(LeafIndex(2))])
    assert made.path is not None
    commit = Commit((Remove(LeafIndex(2)),), made.path.update_path)
    sender = Sender(SenderType.EXTERNAL, 0)
    message = forge_outside(room["bob"], commit, sender, watcher, tag=made.epoch.confirmation_tag)
    everybody_refuses(Rule.EXTERNAL_SENDER_CONTENT, room, message, but="")


@pytest.mark.rule("EXTERNAL_PROPOSAL_TYPE")
def test_an_update_proposed_by_an_external_sender_is_refused() -> None:
    """With a leaf that would be valid: Mallory's own, which she gave to the watcher to propose."""
    room, watcher = watched_room()
    update = forge_update(room["mallory"])
    message = forge_outside(room["bob"], update, Sender(SenderType.EXTERNAL, 0), watcher)
    everybody_refuses(Rule.EXTERNAL_PROPOSAL_TYPE, room, message, but="")


@pytest.mark.rule("EXTERNAL_INIT_BY_MEMBER")
def test_an_external_init_proposed_by_an_external_sender_is_refused() -> None:
    room, watcher = watched_room()
    message = forge_outside(room["bob"], ExternalInit(bytes(32)), Sender(SenderType.EXTERNAL, 0), watcher)
    everybody_refuses(Rule.EXTERNAL_INIT_BY_MEMBER, room, message, but="")


@pytest.mark.rule("NEW_MEMBER_COMMIT_CONTENT")
def test_a_proposal_sent_as_a_joiners_commit_is_refused() -> None:
    room, dave = usual_room(), bundle("dave")
    sender = Sender(SenderType.NEW_MEMBER_COMMIT)
    add, context = Add(dave.key_package), room["bob"].context.encode()
    message = forge_outside(room["bob"], add, sender, dave.identity, context=context)
    everybody_refuses(Rule.NEW_MEMBER_COMMIT_CONTENT, room, message, but="")


@pytest.mark.rule("NEW_MEMBER_PROPOSAL_CONTENT")
@pytest.mark.parametrize("body", [PROPOSED, Commit((), None)], ids=["remove", "commit"])
def test_a_new_member_who_proposes_anything_but_an_add_is_refused(body: Body) -> None:
    room, dave = usual_room(), bundle("dave")
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    tag = bytes(32) if isinstance(body, Commit) else None
    honest = forge_outside(room["bob"], Add(dave.key_package), sender, dave.identity)
    message = forge_outside(room["bob"], body, sender, dave.identity, tag=tag)
    everybody_refuses(Rule.NEW_MEMBER_PROPOSAL_CONTENT, room, message, but="", honest=honest)


def test_what_a_hostile_message_leaves_behind_is_nothing() -> None:
    """After every attack of this file on one state, it reads on as if nothing had been."""
    room = usual_room()
    sent = encrypt(room["alice"], b"after all that")
    assert read(room["bob"], sent.message).data == b"after all that"
