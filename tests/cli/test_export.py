"""An export keeps what each author allowed."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Literal

import pytest

from backchannel.errors import BackchannelError
from backchannel.export import EXPIRED, FORMATS, NOT_QUOTABLE, RETRACTED, export_entries, save_export
from backchannel.room.facts import AnyFact, MessageSent, SeatJoined
from backchannel_protocol.room.timeline import Exposure

NOW = 1_800_000_000
DAY = 24 * 3600


def message(
    number: int,
    text: str | None,
    quotable: str,
    *,
    until: int = 0,
    reply_to: str | None = None,
    name: str = "Ann",
    gone: Literal["", "retracted", "expired"] = "",
) -> MessageSent:
    return MessageSent(
        seq=number,
        time=NOW - DAY,
        seat="seat of Ann",
        id=f"m{number}",
        name=name,
        text=text,
        exposure=Exposure("room", quotable, until),  # type: ignore[arg-type] # the tests' own words
        reply_to=reply_to,
        number=number,
        gone=gone,
    )


FACTS: list[AnyFact] = [
    SeatJoined(seq=1, time=NOW, seat="s", joined="s", name="Zoe", role="participant", party="b", by=("s",)),
    message(2, "secret words", "no"),
    message(3, "free words", "named"),
    message(4, "shy words", "anonymous", name="Bo", reply_to="m3"),
    message(5, None, "named", gone="retracted"),
    message(6, "late words", "named", until=NOW),
    message(7, "timely words", "anonymous", until=NOW + 1, reply_to="m2"),
    message(8, "strange words", "everywhere"),
    message(9, None, "anonymous", gone="expired"),
]


def test_each_message_leaves_as_its_author_allowed() -> None:
    entries = export_entries(FACTS, NOW)
    assert [(one.number, one.text, one.name, one.left_out) for one in entries] == [
        (1, None, None, NOT_QUOTABLE),
        (2, "free words", "Ann", None),
        (3, "shy words", None, None),
        (4, None, None, RETRACTED),
        (5, None, None, EXPIRED),
        (6, "timely words", None, None),
        (7, None, None, NOT_QUOTABLE),
        (8, None, None, EXPIRED),
    ]
    assert [one.answers for one in entries] == [None, None, 2, None, None, 1, None, None]


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_says_more(name: str) -> None:
    written = FORMATS[name]("The harbour", export_entries(FACTS, NOW), NOW)
    assert written.count("A message is left out") == 5
    for absent in ("secret", "late", "strange", "Bo", "Zoe", "seat of Ann", "m3"):
        assert absent not in written
    assert "free words" in written


def test_json_is_for_programs() -> None:
    found = json.loads(FORMATS["json"]("T", export_entries(FACTS, NOW), NOW))
    assert [one["left_out"] for one in found["entries"]].count(None) == 3
    assert all(bool(one["why"]) == bool(one["left_out"]) for one in found["entries"])


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](https://tracker.example/a.png)",
        "<img src=x>",
        "[click](javascript:alert(1))",
        "https://tracker.example",
        "\n# A heading",
        "x\n\n**2.** 2026-01-01 Bo:\n\n> faked",
        "\x1b[2J",
        "\u202eabc",
    ],
)
def test_what_was_said_is_text_and_nothing_else(hostile: str) -> None:
    entries = export_entries([message(1, hostile, "named")], NOW)
    written = FORMATS["md"]("T", entries, NOW)
    said = re.sub(r"\\.", "", written.split("Ann:", 1)[1])
    for active in ("![", "](", "<img", "https:", "\x1b", "\u202e"):
        assert active not in said
    assert all(not line or line.startswith("> ") for line in said.splitlines())
    plain = FORMATS["txt"]("T", entries, NOW).split("Ann:", 1)[1]
    assert all(not line or line.startswith("    ") for line in plain.split("\n"))


def test_a_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    save_export(path, "first")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BackchannelError, match="is there already"):
        save_export(path, "second")
    assert path.read_text() == "first"
