"""What a picture says beside what it shows does not leave the device, and it looks the same."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from backchannel.attachments import read_file
from backchannel.pictures import warning_of, without_metadata

PLANTED = b"GPS 31.77 N 35.21 E"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def exif(turn: int, order: str = ">") -> bytes:
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, turn, 0)
    maker = struct.pack(order + "HHII", 0x010F, 2, 4, 0x41414141)
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, 2)
    return b"Exif\0\0" + head + maker + entry + bytes(4) + PLANTED


SCAN = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\x00\x00\x3f\x00" + b"data\xff\x00more\xff\xd0rest"
JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
PROFILE, ADOBE = segment(0xE2, b"ICC_PROFILE\0\1\1colours"), segment(0xEE, b"Adobe\0d\0\0\0\0\0")
TABLES = segment(0xDB, b"q" * 65) + segment(0xC0, b"\x08\0\1\0\1\1\1\x11\0") + segment(0xC4, b"h" * 20)
PLAIN_JPEG = (
    b"\xff\xd8" + JFIF + PROFILE + ADOBE + TABLES + SCAN + segment(0xC4, b"more") + SCAN + b"\xff\xd9"
)


def jpeg(turn: int, order: str = ">") -> bytes:
    """With everything that cameras, telephones and editors put into one."""
    telling = [
        segment(0xE1, exif(turn, order)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLANTED),
        segment(0xE2, b"MPF\0" + PLANTED),
        segment(0xE0, b"JFXX\0\x10" + PLANTED),
        segment(0xE5, PLANTED),
        segment(0xED, b"Photoshop 3.0\0" + PLANTED),
        segment(0xFE, PLANTED),
    ]
    body = (
        JFIF + b"".join(telling) + PROFILE + ADOBE + TABLES + SCAN + b"\xff\xff" + segment(0xFE, PLANTED)[1:]
    )
    return b"\xff\xd8" + body + segment(0xC4, b"more") + SCAN + b"\xff\xd9" + PLANTED


@pytest.mark.parametrize("order", [">", "<"])
def test_of_a_jpeg_the_picture_stays_and_its_turn(order: str) -> None:
    assert without_metadata(jpeg(1, order)) == PLAIN_JPEG
    turned = without_metadata(jpeg(6, order))
    assert turned is not None
    assert PLANTED not in turned
    head, rest = turned[:38], turned[38:]
    assert head == b"\xff\xd8" + segment(
        0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0" + bytes(4)
    )
    assert b"\xff\xd8" + rest == PLAIN_JPEG
    assert without_metadata(turned) == turned


def test_a_small_picture_within_a_jpeg_goes() -> None:
    small = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\1\1" + PLANTED)
    assert without_metadata(b"\xff\xd8" + small + TABLES + SCAN + b"\xff\xd9") == (
        b"\xff\xd8" + JFIF + TABLES + SCAN + b"\xff\xd9"
    )


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_of_a_png_only_what_it_shows_stays() -> None:
    begin = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"gAMA", bytes(4)) + chunk(b"PLTE", bytes(3))
    )
    data, end = chunk(b"tRNS", b"\0") + chunk(b"IDAT", b"x" * 50), chunk(b"IEND", b"")
    kinds = (b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME", b"caBX")
    telling = b"".join(chunk(kind, PLANTED) for kind in kinds)
    assert without_metadata(begin + telling + data + telling + end + PLANTED) == begin + data + end


def test_of_a_webp_only_what_it_shows_stays() -> None:
    def part(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    def whole(*parts: bytes) -> bytes:
        body = b"WEBP" + b"".join(parts)
        return b"RIFF" + struct.pack("<I", len(body)) + body

    data = part(b"VP8 ", b"odd")
    telling = (part(b"EXIF", PLANTED), part(b"XMP ", PLANTED))
    given = whole(part(b"VP8X", b"\x1c" + bytes(9)), data, *telling) + PLANTED
    assert without_metadata(given) == whole(part(b"VP8X", b"\x10" + bytes(9)), data)


@pytest.mark.parametrize("cut", range(0, len(PLAIN_JPEG) - 2, 7))
def test_what_cannot_be_understood_is_not_said_to_be_clean(cut: int) -> None:
    assert without_metadata(jpeg(6)[:cut]) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"words",
        b"RIFF\x04\0\0\0WAVE",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe1\0\1",
        b"GIF89a",
    ],
)
def test_what_is_no_picture_of_these_kinds_is_left_alone(content: bytes) -> None:
    assert without_metadata(content) is None


def test_who_attaches_is_told_what_a_file_may_tell(tmp_path: Path) -> None:
    path = tmp_path / "photo.JPG"
    path.write_bytes(jpeg(6))
    photo = read_file(path)
    assert (photo.type, photo.warning) == ("image/jpeg", None)
    assert PLANTED not in photo.content
    path.write_bytes(jpeg(6)[:100])
    assert "where, when" in (read_file(path).warning or "")
    for type_, word in (
        ("application/pdf", "who wrote it"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "who wrote it"),
        ("image/heic", "where, when"),
        ("video/mp4", "This film"),
        ("audio/ogg", "This recording"),
    ):
        assert word in (warning_of(type_, stripped=False) or "")
    assert warning_of("text/plain", stripped=False) is None
