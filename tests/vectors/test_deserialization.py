"""deserialization.json: lengths of vectors (RFC 9420 section 2.1.2)."""

from __future__ import annotations

import pytest

from backchannel_mls.codec import Reader, vector
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.limits import MAX_MESSAGE_BYTES
from vectors.cases import Vector, cases, unhex


@pytest.mark.parametrize("case", cases("deserialization"))
def test_length_is_read_and_written_as_given(case: Vector) -> None:
    header, length = unhex(case["vlbytes_header"]), case["length"]
    if length > MAX_MESSAGE_BYTES:
        # the header alone: so large a vector is neither made nor looked at
        reader = Reader(header, end=len(header) + length)
        assert (reader.length(), reader.position) == (length, len(header))
        return
    content = bytes(length)
    reader = Reader(header + content)
    assert reader.vector() == content
    reader.finish()
    assert vector(content) == header + content


@pytest.mark.parametrize("case", cases("deserialization"))
def test_length_beyond_the_end_is_refused(case: Vector) -> None:
    if case["length"] == 0:
        assert Reader(unhex(case["vlbytes_header"])).vector() == b""
        return
    with pytest.raises(RemoteError) as refused:
        Reader(unhex(case["vlbytes_header"])).vector()
    assert refused.value.code == "truncated"


class Gigabyte(bytes):
    """Says that it is 1 GiB long, and is not."""

    def __len__(self) -> int:
        return 0x4000_0000


def test_vector_of_a_gigabyte_is_not_written() -> None:
    with pytest.raises(LocalError) as refused:
        vector(Gigabyte())
    assert refused.value.code == "vector-too-long"
