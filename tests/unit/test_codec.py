"""The codec: what it writes, and everything that it refuses to read (RFC 9420 section 2.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backchannel_mls.codec import Reader, optional, parse_all, u8, u16, u16_vector, u32, u64, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.limits import MAX_LIST_ITEMS, MAX_MESSAGE_BYTES
from backchannel_mls.rules import Rule


def take_one(reader: Reader) -> bytes:
    return reader.take(1)


def four_bytes(reader: Reader) -> bytes:
    return reader.take(4)


def one_and_no_more(reader: Reader) -> None:
    reader.take(1)
    reader.finish()


REFUSED: dict[str, tuple[bytes, Callable[[Reader], object], Rule]] = {
    "take past the end": (b"\1\2\3", four_bytes, Rule.TRUNCATED),
    "integer past the end": (b"\1", lambda reader: reader.uint(2), Rule.TRUNCATED),
    "integer of nothing": (b"", lambda reader: reader.uint(1), Rule.TRUNCATED),
    "no length": (b"", Reader.length, Rule.TRUNCATED),
    "half a length of two bytes": (b"\x40", Reader.length, Rule.TRUNCATED),
    "half a length of four bytes": (b"\x80\0\x40", Reader.length, Rule.TRUNCATED),
    "vector past the end": (b"\2\1", Reader.vector, Rule.TRUNCATED),
    "long vector past the end": (b"\x40\x40" + bytes(63), Reader.vector, Rule.TRUNCATED),
    "length with the reserved prefix": (b"\xc0" + bytes(7), Reader.vector, Rule.VARINT_INVALID),
    "length of all ones": (b"\xff" * 8, Reader.vector, Rule.VARINT_INVALID),
    "zero in two bytes": (b"\x40\0", Reader.vector, Rule.VARINT_NOT_MINIMAL),
    "63 in two bytes": (b"\x40\x3f" + bytes(63), Reader.vector, Rule.VARINT_NOT_MINIMAL),
    "zero in four bytes": (b"\x80\0\0\0", Reader.vector, Rule.VARINT_NOT_MINIMAL),
    "16383 in four bytes": (b"\x80\0\x3f\xff" + bytes(16383), Reader.vector, Rule.VARINT_NOT_MINIMAL),
    "optional marked 2": (b"\2\0", lambda reader: reader.optional(take_one), Rule.OPTIONAL_INVALID),
    "optional marked 255": (b"\xff\0", lambda reader: reader.optional(take_one), Rule.OPTIONAL_INVALID),
    "optional without its mark": (b"", lambda reader: reader.optional(take_one), Rule.TRUNCATED),
    "optional without its value": (b"\1", lambda reader: reader.optional(take_one), Rule.TRUNCATED),
    "item past its list's end": (b"\5abcdefgh", lambda reader: reader.items(four_bytes), Rule.TRUNCATED),
    "list past the end": (b"\x08abcd", lambda reader: reader.items(four_bytes), Rule.TRUNCATED),
    "odd list of uint16": (b"\3abc", Reader.u16_items, Rule.VECTOR_UNEVEN),
    "uneven list of uint32": (b"\6abcdef", Reader.u32_items, Rule.VECTOR_UNEVEN),
    "bytes after the end": (b"\1\2", one_and_no_more, Rule.TRAILING_BYTES),
}


@pytest.mark.parametrize("name", REFUSED)
def test_reader_refuses(name: str) -> None:
    data, read, rule = REFUSED[name]
    with pytest.raises(RemoteError) as refused:
        read(Reader(data))
    assert refused.value.rule is rule


def test_error_carries_its_rule_code_and_sentence() -> None:
    with pytest.raises(RemoteError) as refused:
        Reader(b"").take(1)
    error = refused.value
    assert (error.code, error.sentence) == ("truncated", Rule.TRUNCATED.sentence)
    assert str(error) == f"truncated: {Rule.TRUNCATED.sentence}"


@pytest.mark.parametrize("read", [Reader.vector, Reader.u16_items, lambda reader: reader.items(take_one)])
def test_reader_does_not_look_beyond_its_end(read: Callable[[Reader], object]) -> None:
    with pytest.raises(RemoteError) as refused:
        read(Reader(b"\4abcdef", 0, 4))
    assert refused.value.rule is Rule.TRUNCATED


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, "00"),
        (1, "01"),
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "80004000"),
        (1 << 20, "80100000"),
    ],
)
def test_vector_has_the_shortest_length(size: int, header: str) -> None:
    data = bytes(size)
    encoded = vector(data)
    assert encoded == bytes.fromhex(header) + data
    assert parse_all(encoded, Reader.vector) == data


def test_integers_are_big_endian() -> None:
    assert u8(1) + u16(2) + u32(3) + u64(4) == bytes.fromhex("01000200000003" + "0000000000000004")
    reader = Reader(u8(1) + u16(2) + u32(3) + u64(4))
    assert [reader.uint(size) for size in (1, 2, 4, 8)] == [1, 2, 3, 4]
    reader.finish()


def test_optional_is_read_as_it_is_written() -> None:
    assert parse_all(optional(None), lambda reader: reader.optional(Reader.vector)) is None
    assert parse_all(optional(vector(b"x")), lambda reader: reader.optional(Reader.vector)) == b"x"
    assert parse_all(optional(vector(b"")), lambda reader: reader.optional(Reader.vector)) == b""


def test_lists_are_read_as_they_are_written() -> None:
    assert parse_all(u16_vector((1, 2, 65535)), Reader.u16_items) == (1, 2, 65535)
    assert parse_all(vector(u32(7) + u32(8)), Reader.u32_items) == (7, 8)
    items = parse_all(vector(vector(b"a") + vector(b"")), lambda reader: reader.items(Reader.vector))
    assert items == (b"a", b"")


@pytest.mark.parametrize(
    ("read", "width"),
    [(lambda reader: reader.items(take_one), 1), (Reader.u16_items, 2), (Reader.u32_items, 4)],
)
def test_list_has_a_greatest_number_of_items(
    read: Callable[[Reader], tuple[object, ...]], width: int
) -> None:
    assert len(read(Reader(vector(bytes(width * MAX_LIST_ITEMS))))) == MAX_LIST_ITEMS
    with pytest.raises(RemoteError) as refused:
        read(Reader(vector(bytes(width * (MAX_LIST_ITEMS + 1)))))
    assert refused.value.rule is Rule.TOO_LARGE


def test_message_has_a_greatest_size_and_is_refused_unread() -> None:
    def never(reader: Reader) -> None:
        raise AssertionError(f"read at {reader.position}")

    with pytest.raises(RemoteError) as refused:
        parse_all(bytes(MAX_MESSAGE_BYTES + 1), never)
    assert refused.value.rule is Rule.TOO_LARGE


def test_since_gives_the_bytes_that_were_read() -> None:
    reader = Reader(b"abcdef", 1)
    begin = reader.position
    reader.take(3)
    assert reader.since(begin) == b"bcd"
