"""JCS: one form of each value, and no value that programs could understand in two ways."""

from __future__ import annotations

import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from backchannel_protocol.canonical import MAX_DEPTH, JsonValue, digest, jcs, label, parse_jcs
from protocol.errors import perhaps_remote, remote

LARGEST = (1 << 53) - 1
TEXT = st.characters(exclude_categories=["Cs"])
SCALARS = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(TEXT, max_size=12)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abé€😀", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(TEXT, max_size=6), VALUES, max_size=5))
def test_objects_come_back(value: dict[str, JsonValue]) -> None:
    assert parse_jcs(jcs(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_canonical(data: bytes) -> None:
    with perhaps_remote():
        assert jcs(parse_jcs(data)) == data


def test_names_are_in_the_order_of_utf_16() -> None:
    # U+1F600 begins with the surrogate D83D, which sorts before U+FB33
    assert (
        jcs({"\ufb33": 1, "\U0001f600": 2, "a": 3, "": 4})
        == '{"":4,"a":3,"\U0001f600":2,"\ufb33":1}'.encode()
    )


REFUSED = {
    "nothing": b"",
    "a list": b"[1]",
    "a number": b"1",
    "null": b"null",
    "space": b'{"a": 1}',
    "space after": b'{"a":1} ',
    "a newline after": b'{"a":1}\n',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "names out of order": b'{"b":1,"a":1}',
    "a name twice": b'{"a":1,"a":1}',
    "a name twice, deeper": b'{"a":{"b":1,"b":2}}',
    "an escape that is not needed": b'{"a":"\\u0041"}',
    "an escaped solidus": b'{"a":"\\/"}',
    "an escaped emoji": b'{"a":"\\ud83d\\ude00"}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "an encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "not UTF-8": b'{"a":"\xff"}',
    "a control character": b'{"a":"\n"}',
    "a comma too many": b'{"a":1,}',
    "two values": b"{}{}",
    "a comment": b'{"a":1/**/}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "a leading zero": b'{"a":01}',
    "a plus sign": b'{"a":+1}',
    "minus zero": b'{"a":-0}',
}
NUMBERS = {
    "a fraction": b'{"a":0.5}',
    "a fraction that is whole": b'{"a":1.0}',
    "a fraction, deeper": b'{"a":[{"b":-1.25}]}',
    "an exponent": b'{"a":1e2}',
    "a large exponent, canonical": b'{"a":1e+21}',
    "beyond a double": b'{"a":1e400}',
    "2**53": b'{"a":9007199254740992}',
    "-2**53": b'{"a":-9007199254740992}',
    "2**64": b'{"a":18446744073709551616}',
    "10**20, canonical": b'{"a":100000000000000000000}',
    "5,000 digits": b'{"a":' + b"7" * 5000 + b"}",
}


@pytest.mark.parametrize("data", [*REFUSED.values(), *NUMBERS.values()], ids=[*REFUSED, *NUMBERS])
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with remote():
        parse_jcs(data)


@pytest.mark.parametrize("number", [0, -1, LARGEST, -LARGEST])
def test_whole_numbers_that_a_double_holds_are_taken(number: int) -> None:
    assert parse_jcs(jcs({"a": number})) == {"a": number}


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return b'{"a":' + opening * (depth - 1) + b"1" + closing * (depth - 1) + b"}"


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")], ids=["objects", "lists"])
def test_depth_is_bounded_whatever_the_stack_is(opening: bytes, closing: bytes) -> None:
    parse_jcs(nested(MAX_DEPTH, opening, closing))
    for depth in (MAX_DEPTH + 1, 900, 5_000, 200_000):
        with remote():
            parse_jcs(nested(depth, opening, closing))


def test_labels_and_digests() -> None:
    assert label("chain") == b"\x14backchannel v1 chain"
    assert digest(b"abc") == hashlib.sha256(b"abc").digest()


def test_every_character_is_written_as_rfc_8785_says() -> None:
    for first in range(0, 0x110000, 0x400):
        if not 0xD800 <= first < 0xE000:
            text = "".join(map(chr, range(first, first + 0x400)))
            assert jcs([text]) == rfc8785.dumps([text])


@given(VALUES)
def test_the_common_way_is_the_long_one(value: JsonValue) -> None:
    assert jcs(value) == rfc8785.dumps(value)


def test_what_nobody_can_read_is_not_written() -> None:
    for value in ("\ud800", 1 << 53, -(1 << 53), {"a": ["\udfff"]}):
        with pytest.raises(rfc8785.CanonicalizationError):
            jcs(value)  # type: ignore[arg-type]  # a value of JSON, and not one of this protocol


@pytest.mark.parametrize("opening", ["[", '{"":'])
def test_depth_ends_where_it_did(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    for empty in ("[]", "{}"):
        fits = '{"a":' + opening * (MAX_DEPTH - 2) + empty + closing * (MAX_DEPTH - 2) + "}"
        assert jcs(parse_jcs(fits.encode())) == fits.encode()
        deeper = '{"a":' + opening * (MAX_DEPTH - 1) + empty + closing * (MAX_DEPTH - 1) + "}"
        with remote():
            parse_jcs(deeper.encode())
