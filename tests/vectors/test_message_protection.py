"""message-protection.json: opening the given messages, and our own (RFC 9420 sections 6.1 to 6.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from backchannel_mls.errors import RemoteError
from backchannel_mls.group.protection import (
    encrypt_content,
    open_private,
    open_public,
    public_message,
    sign_content,
)
from backchannel_mls.rules import Rule
from backchannel_mls.types import GroupId, LeafIndex, WireFormat
from backchannel_mls.wire.framing import Body, PrivateMessage, PublicMessage
from backchannel_mls.wire.message import parse_message
from vectors.cases import Vector, cases, unhex
from vectors.checks import KINDS, RECEIVER, SENDER, body_of, check_given_messages, open_message, state_of

CASES: Final = cases("message-protection")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_given_messages_open(case: Vector, kind: str) -> None:
    check_given_messages(case, kind)


@pytest.mark.parametrize("private", [True, False], ids=["private", "public"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_our_own_messages_open(case: Vector, kind: str, private: bool) -> None:
    if kind == "application" and not private:
        return
    state, body = state_of(case, LeafIndex(1)), body_of(case, kind)
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    identity, suite, keys = state.group.identity, state.suite, state.messages
    signed = sign_content(identity, keys, SENDER, body, b"clear", wire_format)
    tag = b"tag" if kind == "commit" else None
    if private:
        for padding in (0, 64):
            keys, data = encrypt_content(suite, keys, state.own_leaf, signed, tag, padding, bytes)
            check_opens(case, data, body, tag)
    else:
        key = state.group.keys.membership_key
        check_opens(case, public_message(suite, key, keys.context, signed, tag), body, tag)


def check_opens(case: Vector, data: bytes, body: Body, tag: bytes | None) -> None:
    opened = open_message(state_of(case, RECEIVER), data)
    assert opened.content.body == body
    assert opened.content.authenticated_data == b"clear"
    assert opened.auth.confirmation_tag == tag


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_private_message_opens_once_and_only_unchanged(case: Vector, kind: str) -> None:
    state = state_of(case, RECEIVER)
    message = parse_message(unhex(case[f"{kind}_priv"]))
    assert isinstance(message, PrivateMessage)
    read = state.with_messages(open_private(state, message).messages)
    with pytest.raises(RemoteError) as replayed:
        open_private(read, message)
    assert replayed.value.rule is Rule.GENERATION_SPENT
    # the sample of the ciphertext keys the sender data: a change there is met first
    ciphertext = message.ciphertext
    altered = {
        Rule.CONTENT_UNDECRYPTABLE: replace(
            message, ciphertext=ciphertext[:-1] + bytes((ciphertext[-1] ^ 1,))
        ),
        Rule.SENDER_DATA_UNDECRYPTABLE: replace(
            message, ciphertext=bytes((ciphertext[0] ^ 1,)) + ciphertext[1:]
        ),
        Rule.GROUP_WRONG: replace(message, group_id=GroupId(b"another")),
    }
    for rule, wrong in altered.items():
        with pytest.raises(RemoteError) as refused:
            open_private(state, wrong)
        assert refused.value.rule is rule


@pytest.mark.parametrize("kind", ["proposal", "commit"])
@pytest.mark.parametrize("case", CASES)
def test_public_message_opens_only_with_its_tag(case: Vector, kind: str) -> None:
    state = state_of(case, RECEIVER)
    message = parse_message(unhex(case[f"{kind}_pub"]))
    assert isinstance(message, PublicMessage)
    for wrong in (b"", bytes(state.suite.hash_size)):
        with pytest.raises(RemoteError) as refused:
            open_public(state, replace(message, membership_tag=wrong))
        assert refused.value.rule is Rule.MEMBERSHIP_TAG_INVALID
