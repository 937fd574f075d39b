"""What other people wrote cannot move the cursor, fake a line or turn text around."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel import text

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "a\rb",
    "a\bb",
    "\x9b31m",
    "\u202eabc",
    "\u2066abc",
    "\u2069\u2069abc",
    "a\U000e0041b",
    "\ufeffabc",
    "\x00",
    "\x7f",
    "\ud800",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_controls_and_overrides_are_replaced(hostile: str) -> None:
    for cleaned in (text.clean(hostile), text.clean_block(hostile).replace("\n", "")):
        assert not {unicodedata.category(one) for one in cleaned} & {"Cc", "Cs", "Co", "Cn"}
        assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text(st.characters(codec=None)))
def test_a_clean_line_is_one_line_of_printable_text(written: str) -> None:
    cleaned = text.clean(written)
    assert len(cleaned.splitlines()) <= 1
    assert text.clean(cleaned) == cleaned
    cleaned.encode()


@given(st.text(), st.integers(10, 60))
def test_no_line_is_wider_than_the_terminal(written: str, width: int) -> None:
    for line in text.wrapped(written, width):
        assert text.cells(line) <= width
        assert len(line.splitlines()) <= 1


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_wrapping_loses_nothing_but_spaces(written: str) -> None:
    lines = text.wrapped(written, 20)
    kept = "".join(lines).replace("\u2068", "").replace("\u2069", "").replace(" ", "")
    assert kept == written.replace(" ", "")


def test_a_name_that_runs_from_right_to_left_is_isolated() -> None:
    assert text.name("علي") == "\u2068علي\u2069"
    assert text.name("Ann") == "Ann"


def test_persian_keeps_its_joiners_and_marks_do_not_pile_up() -> None:
    assert text.clean("می\u200cخواهم") == "می\u200cخواهم"
    assert len(text.clean("e" + "\u0301" * 100)) < 20


def test_wide_letters_take_two_columns() -> None:
    assert [text.cells(one) for one in ("ab", "対話", "e\u0301", "🙂")] == [2, 4, 1, 2]
