"""base64url without padding has one form of each value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import b64u, parse_b64u
from protocol.errors import perhaps_remote, remote


@given(st.binary(max_size=100))
def test_bytes_come_back(data: bytes) -> None:
    assert parse_b64u(b64u(data)) == data
    assert parse_b64u(b64u(data), len(data)) == data


@given(st.text(max_size=30))
def test_any_other_text_is_refused_or_is_the_one_form(text: str) -> None:
    with perhaps_remote():
        assert b64u(parse_b64u(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AB",
        "AA==",
        "AA=",
        "=",
        "====",
        "A+A",
        "A/A",
        "AAAA\n",
        " AAAA",
        "AA AA",
        "AAAAA",
        "ÄÄÄÄ",
        "AA\0A",
    ],
)
def test_text_that_is_not_canonical_is_refused(text: str) -> None:
    with remote():
        parse_b64u(text)


def test_spare_bits_must_be_zero() -> None:
    assert parse_b64u("AA") == b"\0"
    for last in "BCDEFGHIJKLMNOP":
        with remote():
            parse_b64u("A" + last)


@pytest.mark.parametrize("size", [0, 15, 17])
def test_another_size_is_refused(size: int) -> None:
    with remote():
        parse_b64u(b64u(bytes(16)), size)


def test_errors_do_not_repeat_the_text() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_b64u("c2VjcmV0!")
    assert "c2VjcmV0" not in str(caught.value)
