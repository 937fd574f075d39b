"""transcript-hashes.json: RFC 9420 sections 6.1 and 8.2."""

from __future__ import annotations

import pytest

from backchannel_mls.codec import Reader
from backchannel_mls.crypto.suite import cipher_suite
from backchannel_mls.schedule.transcript import confirmed_transcript_hash, interim_transcript_hash
from backchannel_mls.types import ContentType, WireFormat
from backchannel_mls.wire.framing import AuthenticatedContent, FramedContent, FramedContentAuthData
from vectors.cases import Vector, cases, unhex


def parse_authenticated(data: bytes) -> AuthenticatedContent:
    """AuthenticatedContent, which never travels, so that the package has no parser for it (section 6)."""
    reader = Reader(data)
    wire_format = WireFormat(reader.uint(2))
    content = FramedContent.parse(reader)
    auth = FramedContentAuthData.parse(reader, content.content_type)
    reader.finish()
    return AuthenticatedContent(wire_format, content, auth)


@pytest.mark.parametrize("case", cases("transcript-hashes"))
def test_transcript_hashes_and_confirmation_tag_are_as_given(case: Vector) -> None:
    suite = cipher_suite(case["cipher_suite"])
    data = unhex(case["authenticated_content"])
    commit = parse_authenticated(data)
    assert commit.encode() == data
    assert commit.content.content_type is ContentType.COMMIT
    assert commit.auth.confirmation_tag is not None
    confirmed = confirmed_transcript_hash(
        suite,
        unhex(case["interim_transcript_hash_before"]),
        commit.wire_format,
        commit.content.encode(),
        commit.auth.signature,
    )
    assert confirmed == unhex(case["confirmed_transcript_hash_after"])
    tag = suite.mac(unhex(case["confirmation_key"]), confirmed)
    assert tag == commit.auth.confirmation_tag
    assert interim_transcript_hash(suite, confirmed, tag) == unhex(case["interim_transcript_hash_after"])
