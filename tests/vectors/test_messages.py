"""messages.json: every structure parses, and encodes to the same bytes (RFC 9420 section 6 and others)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from backchannel_mls.codec import Reader, parse_all, u16
from backchannel_mls.crypto.suite import SUITES
from backchannel_mls.errors import RemoteError
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import ProposalType, SenderType
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.framing import FramedContent, PrivateMessage, PublicMessage
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.message import encode_message, parse_message
from backchannel_mls.wire.proposal import encode_proposal, parse_proposal
from backchannel_mls.wire.welcome import GroupInfo, GroupSecrets, Welcome
from vectors.cases import Vector, cases, unhex

MESSAGES: Final = {
    "mls_welcome": Welcome,
    "mls_group_info": GroupInfo,
    "mls_key_package": KeyPackage,
    "public_message_application": PublicMessage,
    "public_message_proposal": PublicMessage,
    "public_message_commit": PublicMessage,
    "private_message": PrivateMessage,
}
BODIES: Final = {
    "add_proposal": ProposalType.ADD,
    "update_proposal": ProposalType.UPDATE,
    "remove_proposal": ProposalType.REMOVE,
    "pre_shared_key_proposal": ProposalType.PSK,
    "re_init_proposal": ProposalType.REINIT,
    "external_init_proposal": ProposalType.EXTERNAL_INIT,
    "group_context_extensions_proposal": ProposalType.GROUP_CONTEXT_EXTENSIONS,
}


def proposal_round_trip(kind: ProposalType) -> Callable[[bytes], bytes]:
    """The vectors hold a proposal's body, without its type."""
    return lambda data: encode_proposal(parse_all(u16(kind) + data, parse_proposal))[2:]


ROUND_TRIPS: Final[dict[str, Callable[[bytes], bytes]]] = {
    **dict.fromkeys(MESSAGES, lambda data: encode_message(parse_message(data))),
    **{name: proposal_round_trip(kind) for name, kind in BODIES.items()},
    "ratchet_tree": lambda data: RatchetTree.parse(SUITES[1], data).encode(),
    "group_secrets": lambda data: parse_all(data, GroupSecrets.parse).encode(),
    "commit": lambda data: parse_all(data, Commit.parse).encode(),
}


@pytest.mark.parametrize("case", cases("messages"))
def test_every_message_is_written_as_it_was_read(case: Vector) -> None:
    assert set(case) == set(ROUND_TRIPS)
    for name, round_trip in ROUND_TRIPS.items():
        data = unhex(case[name])
        assert round_trip(data) == data, name
        with pytest.raises(RemoteError):
            round_trip(data + b"\0")
        with pytest.raises(RemoteError):
            round_trip(data[:-1])


@pytest.mark.parametrize("case", cases("messages"))
def test_message_is_of_its_type_and_encodes_from_its_fields(case: Vector) -> None:
    for name, wire_type in MESSAGES.items():
        message = parse_message(unhex(case[name]))
        assert type(message) is wire_type
        if isinstance(message, PublicMessage):
            content = message.content
            made = FramedContent(
                content.group_id, content.epoch, content.sender, content.authenticated_data, content.body
            )
            assert made == content
            assert made.encode() == content.encode() == content.encode()
            assert (message.membership_tag is None) == (content.sender.type is not SenderType.MEMBER)
        elif isinstance(message, KeyPackage):
            signed = message.with_signature(message.signature)
            assert signed.encode() == Reader(unhex(case[name]), 4).data[4:]
