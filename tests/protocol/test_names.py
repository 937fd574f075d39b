"""Names: what may be one, and which two are the same."""

from __future__ import annotations

import pytest

from backchannel_protocol.room.names import MAX_NAME_CHARS, file_name_of, is_file_name, is_name, name_key

SHOWN = [
    "A",
    "Zoë",
    "آنا‌جان",
    "प्र‍ज्ञा",
    "אנה",
    "Анна",
    "安娜",
    "\U0001f54a",
    "O'Neill-Smith 2",
    "x" * MAX_NAME_CHARS,
]
HIDDEN_CODES = [
    0x00, 0x0A, 0x1F, 0x7F, 0x85, 0x9F, 0xA0, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160,
    0x1680, 0x17B4, 0x180B, 0x180F, 0x2000, 0x200A, 0x200B, 0x200E, 0x200F, 0x2028, 0x202E, 0x202F,
    0x205F, 0x2060, 0x2066, 0x206F, 0x2800, 0x3000, 0x3164, 0xD800, 0xDFFF, 0xE000, 0xF8FF, 0xFDD0,
    0xFDEF, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0, 0xFFFB, 0xFFFE, 0xFFFF, 0x1FFFE, 0x2FFFF, 0xE0000,
    0xE0041, 0xE0100, 0xF0000, 0x10FFFF,
]  # fmt: skip
BESIDE = [
    0x20AC,
    0x7E,
    0xA1,
    0xAC,
    0xAE,
    0x350,
    0x180A,
    0x2010,
    0x2027,
    0x2030,
    0x2070,
    0x27FF,
    0x2801,
    0x3001,
]


@pytest.mark.parametrize("name", SHOWN)
def test_what_can_be_seen_is_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("code", HIDDEN_CODES)
def test_what_cannot_be_seen_is_none(code: int) -> None:
    for name in (chr(code), f"A{chr(code)}", f"{chr(code)}A", f"A{chr(code)}B"):
        assert not is_name(name)


@pytest.mark.parametrize("code", BESIDE)
def test_what_stands_beside_the_ranges_may_be_used(code: int) -> None:
    assert is_name(f"A{chr(code)}B")


@pytest.mark.parametrize("name", ["", " ", " A", "A ", "A  B", "x" * (MAX_NAME_CHARS + 1)])
def test_spaces_stand_alone_and_between(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_stand_between_two_others(joiner: str) -> None:
    assert is_name(f"A{joiner}B{joiner}C")
    for name in (joiner, f"{joiner}A", f"A{joiner}", f"A{joiner}{joiner}B", "A\u200c\u200dB"):
        assert not is_name(name)


def test_two_names_are_the_same_without_joiners_and_capitals() -> None:
    assert name_key("ANN\u200cA") == name_key("anna") == name_key("A\u200dnna") == "anna"
    assert name_key("Ä") != name_key("ä"), "no table but A to Z"
    assert len({name_key(name) for name in SHOWN}) == len(SHOWN)


FILES = [
    "a",
    "Bericht 2.pdf",
    "تقرير.docx",
    "a.tar.gz",
    "安娜.jpg",
    "\U0001f54a.png",
    "آنا\u200cجان.txt",
    "x" * 255,
    "a  b",
]
NO_FILES = [
    "", ".", "..", ".hidden", "a.", "a ", " a", "a/b", "a\\b", "C:a", "a*", 'a"b', "a|b", "<a>", "a?", "a\nb",
    "a\u202egpj.exe", "a\u200bb", "\u200ca", "x" * 256, "ä" * 128, "\ud800", "a\0",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_may_be_called_stays(name: str) -> None:
    assert is_file_name(name)
    assert file_name_of(name) == name


@pytest.mark.parametrize("name", NO_FILES)
def test_what_no_file_may_be_called_becomes_what_one_may(name: str) -> None:
    assert not is_file_name(name)
    assert is_file_name(file_name_of(name))


def test_the_ending_of_a_long_name_stays() -> None:
    assert file_name_of("ä" * 300 + ".jpeg") == "ä" * 125 + ".jpeg"
    assert file_name_of("../../etc/passwd") == "_._etc_passwd"
