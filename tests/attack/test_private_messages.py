"""Encryption, replay, generations and epochs of messages (sections 6.3 and 9)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace

import pytest

from attack.cast import (
    NOW_S,
    Room,
    after,
    bundle,
    everybody_refuses,
    other_room,
    read,
    refused,
    refuses,
    stage,
    usual_room,
)
from attack.forge import forge_commit
from attack.forge_message import Alter, flipped, forge_message
from backchannel_mls import (
    ApplicationReceived,
    GroupState,
    PrivateMessage,
    Remove,
    Rule,
    Sender,
    SenderType,
    create_commit,
    create_group_info,
    encode_message,
    encrypt,
    load_state,
    merge_commit,
    parse_message,
    propose,
    receive,
    records,
)
from backchannel_mls.limits import MAX_FORWARD_GENERATIONS, MAX_SKIPPED_KEYS
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.framing import Body

SAID = b"something"
PROPOSED = Remove(LeafIndex(2))
BODIES = pytest.mark.parametrize("body", [SAID, PROPOSED], ids=["application", "proposal"])


def altered(message: bytes, **changed: bytes) -> bytes:
    """A PrivateMessage with fields replaced: what a server can do."""
    parsed = parse_message(message)
    assert isinstance(parsed, PrivateMessage)
    return encode_message(replace(parsed, **changed))  # type: ignore[arg-type] # fields of bytes


def parts(message: bytes) -> PrivateMessage:
    """A PrivateMessage, parsed."""
    parsed = parse_message(message)
    assert isinstance(parsed, PrivateMessage)
    return parsed


# ---- what is encrypted
@pytest.mark.rule("PADDING_NOT_ZERO")
@BODIES
@pytest.mark.parametrize("padding", [b"\1", b"\0\0\0\1", b"\1" + bytes(300), b"covert"])
def test_padding_that_is_not_all_zero_is_refused(body: Body, padding: bytes) -> None:
    room = usual_room()
    honest = forge_message(room["mallory"], body, padding=bytes(len(padding)))
    message = forge_message(room["mallory"], body, padding=padding)
    everybody_refuses(Rule.PADDING_NOT_ZERO, room, message, honest=honest)


@pytest.mark.rule("CONTENT_UNDECRYPTABLE")
@BODIES
def test_altered_content_is_refused(body: Body) -> None:
    """Where the sender data was made for the altered ciphertext, as only a member can."""
    room = usual_room()
    message = forge_message(room["mallory"], body, alter_sealed=flipped)
    everybody_refuses(Rule.CONTENT_UNDECRYPTABLE, room, message, honest=forge_message(room["mallory"], body))


@pytest.mark.rule("CONTENT_UNDECRYPTABLE")
def test_altered_authenticated_data_is_refused() -> None:
    room = usual_room()
    honest = encrypt(room["alice"], SAID, authenticated_data=b"to be read").message
    message = altered(honest, authenticated_data=b"to be believed")
    everybody_refuses(Rule.CONTENT_UNDECRYPTABLE, room, message, honest=honest, but="alice")


@pytest.mark.rule("CONTENT_UNDECRYPTABLE")
def test_content_of_another_message_under_its_sender_data_is_refused() -> None:
    """The sample that keys the sender data is the beginning of the ciphertext; its end may differ."""
    room = usual_room()
    honest = encrypt(room["alice"], SAID * 20).message
    message = altered(honest, ciphertext=flipped(parts(honest).ciphertext))
    everybody_refuses(Rule.CONTENT_UNDECRYPTABLE, room, message, honest=honest, but="alice")


@pytest.mark.rule("CONTENT_UNDECRYPTABLE")
def test_a_message_under_anothers_generation_key_is_refused() -> None:
    room = usual_room()
    wrong: Alter[bytes] = lambda data: data[:7] + b"\5" + data[8:]  # noqa: E731 - the generation's last byte
    message = forge_message(room["mallory"], SAID, alter_sender_data=wrong)
    everybody_refuses(Rule.CONTENT_UNDECRYPTABLE, room, message)


@pytest.mark.rule("SENDER_DATA_UNDECRYPTABLE")
@pytest.mark.parametrize(
    "change",
    [
        lambda one: {"encrypted_sender_data": flipped(one.encrypted_sender_data)},
        lambda one: {"encrypted_sender_data": b""},
        lambda one: {"encrypted_sender_data": one.encrypted_sender_data[:15]},
        lambda one: {"ciphertext": bytes(len(one.ciphertext))},
        lambda one: {"ciphertext": b""},
        lambda one: {"ciphertext": one.ciphertext[1:]},
    ],
    ids=["flipped", "empty", "shorter than a tag", "ciphertext replaced", "ciphertext empty", "shifted"],
)
def test_altered_sender_data_is_refused(change: Callable[[PrivateMessage], dict[str, bytes]]) -> None:
    room = usual_room()
    honest = encrypt(room["alice"], SAID).message
    message = altered(honest, **change(parts(honest)))
    everybody_refuses(Rule.SENDER_DATA_UNDECRYPTABLE, room, message, honest=honest, but="alice")


@pytest.mark.rule("SENDER_DATA_UNDECRYPTABLE")
def test_application_data_relabelled_as_a_handshake_is_refused() -> None:
    """The content type stands in clear, and in both AADs."""
    room = usual_room()
    honest = encrypt(room["alice"], SAID).message
    at = honest.index(b"\1", 4 + 1 + len(room["alice"].group_id) + 8)
    message = honest[:at] + b"\2" + honest[at + 1 :]
    everybody_refuses(Rule.SENDER_DATA_UNDECRYPTABLE, room, message, honest=honest, but="alice")


@pytest.mark.rule("SENDER_DATA_MALFORMED")
@BODIES
@pytest.mark.parametrize("size", [0, 11, 13, 300])
def test_sender_data_of_another_length_is_refused(body: Body, size: int) -> None:
    room = usual_room()
    cut: Alter[bytes] = lambda data: (data + bytes(size))[:size]  # noqa: E731 - one use
    message = forge_message(room["mallory"], body, alter_sender_data=cut)
    honest = forge_message(room["mallory"], body)
    everybody_refuses(Rule.SENDER_DATA_MALFORMED, room, message, honest=honest)


# ---- replay and generations
def received(state: GroupState, message: bytes) -> GroupState:
    """The state after any message but a commit."""
    found = receive(state, message, now_s=NOW_S)
    assert found is not None
    return found.state  # type: ignore[union-attr] # no commits here


@pytest.mark.rule("GENERATION_SPENT")
@BODIES
def test_a_message_replayed_is_refused(body: Body) -> None:
    room = usual_room()
    message = forge_message(room["mallory"], body)
    refuses(Rule.GENERATION_SPENT, received(room["bob"], message), message)


@pytest.mark.rule("GENERATION_SPENT")
def test_a_message_replayed_to_a_reloaded_state_is_refused() -> None:
    room = usual_room()
    message = encrypt(room["alice"], SAID).message
    reloaded = load_state(records(received(room["bob"], message)))
    refuses(Rule.GENERATION_SPENT, reloaded, message)


@pytest.mark.rule("GENERATION_SPENT")
def test_a_message_out_of_order_is_read_once() -> None:
    room = usual_room()
    first = encrypt(room["alice"], b"first")
    second = encrypt(first.state, b"second")
    state = received(received(room["bob"], second.message), first.message)
    for message in (first.message, second.message):
        refuses(Rule.GENERATION_SPENT, state, message)


@pytest.mark.rule("GENERATION_SPENT")
@BODIES
def test_another_message_of_a_spent_generation_is_refused(body: Body) -> None:
    """Mallory says one thing to some and another to others, with one key."""
    room = usual_room()
    state = received(room["bob"], forge_message(room["mallory"], body, generation=4))
    other = b"else" if isinstance(body, bytes) else Remove(LeafIndex(0))
    refuses(Rule.GENERATION_SPENT, state, forge_message(room["mallory"], other, generation=4))


@pytest.mark.rule("GENERATION_SPENT")
def test_a_message_read_while_a_commit_waited_stays_read() -> None:
    """The server holds the commit back, and replays into the past epoch what came in between."""
    room = usual_room()
    message = encrypt(room["alice"], SAID).message
    pending = create_commit(room["bob"])
    merged = merge_commit(pending.staged, received(pending.sender_state, message))
    refuses(Rule.GENERATION_SPENT, merged, message)
    staged = stage(room["carol"], pending.message)
    merged = merge_commit(staged, received(room["carol"], message))
    refuses(Rule.GENERATION_SPENT, merged, message)


@pytest.mark.rule("CONTENT_SIGNATURE_INVALID")
@BODIES
def test_a_forgery_does_not_spend_the_generation_of_the_honest_message(body: Body) -> None:
    """Mallory knows the secret tree, and is first with a message of bob's next generations."""
    room = usual_room()
    bob = Sender(SenderType.MEMBER, room["bob"].own_leaf)
    honest = encrypt(room["bob"], SAID) if isinstance(body, bytes) else propose(room["bob"], PROPOSED)
    for generation in (0, 1, 40):
        forged = forge_message(room["mallory"], body, sender=bob, generation=generation)
        with refused(Rule.CONTENT_SIGNATURE_INVALID, room["alice"]):
            receive(room["alice"], forged)
    receive(room["alice"], honest.message)


@pytest.mark.rule("GENERATION_TOO_FAR")
@BODIES
@pytest.mark.parametrize("ahead", [MAX_FORWARD_GENERATIONS + 1, 2**31, 2**32 - 1])
def test_a_generation_far_ahead_is_refused_without_work(
    body: Body, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = usual_room()
    message = forge_message(room["mallory"], body, generation=ahead)
    derivations = 0
    digest = hmac.digest

    def counted(key: bytes, msg: bytes, digest_name: str) -> bytes:
        nonlocal derivations
        derivations += 1
        return digest(key, msg, digest_name)

    with monkeypatch.context() as patch, refused(Rule.GENERATION_TOO_FAR, room["bob"]):
        patch.setattr(hmac, "digest", counted)
        receive(room["bob"], message)
    assert derivations <= 16
    everybody_refuses(Rule.GENERATION_TOO_FAR, room, message, honest=forge_message(room["mallory"], body))


def test_the_last_generation_of_the_window_is_read_and_what_is_kept_is_bounded() -> None:
    room = usual_room()
    message = forge_message(room["mallory"], SAID, generation=MAX_FORWARD_GENERATIONS)
    state = received(room["bob"], message)
    kept = sum(name.startswith("skipped/") for name in records(state))
    assert kept <= MAX_SKIPPED_KEYS


@pytest.mark.rule("GENERATION_SPENT")
def test_a_generation_older_than_what_is_kept_is_refused() -> None:
    room = usual_room()
    state = room["bob"]
    for ahead in (3000, 6000):
        state = received(state, forge_message(room["mallory"], SAID, generation=ahead))
    refuses(Rule.GENERATION_SPENT, state, forge_message(room["mallory"], SAID, generation=0))


# ---- groups and epochs
@pytest.mark.rule("GROUP_WRONG")
@pytest.mark.parametrize("private", [True, False])
def test_a_message_for_another_group_is_refused(private: bool) -> None:
    message = forge_message(other_room()["mallory"], PROPOSED, private=private)
    everybody_refuses(Rule.GROUP_WRONG, usual_room(), message)


@pytest.mark.rule("EPOCH_WRONG")
@pytest.mark.parametrize("private", [True, False])
def test_a_handshake_of_a_past_epoch_is_refused(private: bool) -> None:
    room = usual_room()
    later_room = room.commit("alice")
    for message in (
        forge_message(room["mallory"], PROPOSED, private=private),
        forge_commit(room["mallory"], private=private).message,
    ):
        everybody_refuses(Rule.EPOCH_WRONG, later_room, message)


@pytest.mark.rule("EPOCH_WRONG")
@pytest.mark.parametrize("private", [True, False])
def test_a_handshake_of_an_epoch_to_come_is_refused(private: bool) -> None:
    room = usual_room()
    message = forge_commit(room.commit("alice")["mallory"], private=private).message
    everybody_refuses(Rule.EPOCH_WRONG, room, message)


@pytest.mark.rule("EPOCH_WRONG")
def test_a_commit_replayed_is_refused() -> None:
    room = usual_room()
    forged = forge_commit(room["mallory"], private=False)
    later_room = Room({name: after(room[name], forged.message) for name in room.others("mallory")})
    for name in later_room.states:
        refuses(Rule.EPOCH_WRONG, later_room[name], forged.message)


@pytest.mark.rule("EPOCH_GONE")
def test_application_data_of_an_epoch_that_is_gone_or_not_there_is_refused() -> None:
    room = usual_room()
    old = encrypt(room["alice"], SAID).message
    later_room = room
    for _ in range(room["bob"].group.settings.past_epochs):
        later_room = later_room.commit("carol")
    assert read(later_room["bob"], old).data == SAID
    later_room = later_room.commit("carol")
    refuses(Rule.EPOCH_GONE, later_room["bob"], old)
    refuses(Rule.EPOCH_GONE, room["bob"], encrypt(later_room["alice"], SAID).message)


# ---- those who were removed
@pytest.mark.rule("SENDER_DATA_UNDECRYPTABLE")
def test_a_removed_member_cannot_send_in_the_new_epoch() -> None:
    room = usual_room()
    without = room.commit("alice", remove=[3])
    message = forge_message(
        room["mallory"],
        SAID,
        signed_by=without["alice"].messages,
        framed_by=without["alice"].messages,
        epoch=without["alice"].epoch,
    )
    everybody_refuses(Rule.SENDER_DATA_UNDECRYPTABLE, without, message)


@pytest.mark.rule("EPOCH_WRONG")
@pytest.mark.parametrize("private", [True, False])
def test_a_removed_member_cannot_commit(private: bool) -> None:
    room = usual_room()
    without = room.commit("alice", remove=[3])
    everybody_refuses(Rule.EPOCH_WRONG, without, forge_commit(room["mallory"], private=private).message)


def test_late_mail_of_a_removed_member_is_marked_as_of_the_old_epoch() -> None:
    """The application is told: what carol's seat sends after her removal is not of the present."""
    room = usual_room()
    without = room.commit("alice", remove=[3])
    found = receive(without["bob"], forge_message(room["mallory"], SAID))
    assert isinstance(found, ApplicationReceived)
    assert found.epoch == room["bob"].epoch < without["bob"].epoch


# ---- messages that are not for a group
@pytest.mark.rule("NOT_A_GROUP_MESSAGE")
@pytest.mark.parametrize("kind", ["welcome", "group info", "key package"])
def test_a_message_of_another_kind_is_refused(kind: str) -> None:
    room, dave = usual_room(), bundle("dave")
    welcome = create_commit(room["alice"], add=[dave.key_package], now_s=NOW_S).welcome
    assert welcome is not None
    message = {
        "welcome": welcome,
        "group info": create_group_info(room["alice"]),
        "key package": dave.message,
    }[kind]
    everybody_refuses(Rule.NOT_A_GROUP_MESSAGE, room, message)
