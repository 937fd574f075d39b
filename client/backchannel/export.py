"""A room's history as it may leave the room: exposure is kept (PROTOCOL.md, section 7).

Pure functions over facts. A message whose author does not allow quoting stays out, an anonymous one goes
without its author's name, a named one with it; what was taken back or is over stays out. Each omission
stands as a line that says why, and whoever reads the export knows that it is not the whole.

Who was in the room, who was admitted by whom and what was moderated is not part of an export: nobody
was asked. Times are days, since the minute may say who wrote.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from backchannel.errors import BackchannelError
from backchannel.room.facts import AnyFact, MessageSent
from backchannel.text import clean, clean_block, size
from backchannel_protocol.room.attachments import Attachment

NOT_QUOTABLE: Final = "not-quotable"
RETRACTED: Final = "retracted"
EXPIRED: Final = "expired"

REASONS: Final[Mapping[str, str]] = {
    NOT_QUOTABLE: "A message is left out: its author does not allow quoting it.",
    RETRACTED: "A message is left out: its author took it back.",
    EXPIRED: "A message is left out: the time for which it was kept is over.",
}
SOMEBODY: Final = "Somebody"
_PREFACE: Final = (
    "Not the whole of what was said: messages whose authors do not allow quoting, took them back, or whose "
    "time is over are left out, and a line stands for each. Members and acts of moderation are left out."
)
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>#+!|~&=-])")


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, or the place where one was.

    number  from 1, of this export alone
    name    of the author, where the message may be quoted by name
    answers the number of the entry that it answers
    left_out  a code of REASONS; then there is no text
    attachments  of what may be quoted: names and sizes leave the room, content where that is asked for
    """

    number: int
    day: str
    text: str | None
    name: str | None
    quotable: str
    answers: int | None
    left_out: str | None
    attachments: tuple[Attachment, ...] = ()


def export_entries(facts: Iterable[AnyFact], now: int) -> list[Entry]:
    """All messages that this device had, in order, as they may leave the room. `now` in seconds."""
    messages = [fact for fact in facts if isinstance(fact, MessageSent)]
    numbers = {message.id: number for number, message in enumerate(messages, 1)}
    return [_entry(message, numbers, now) for message in messages]


def _entry(message: MessageSent, numbers: Mapping[str, int], now: int) -> Entry:
    quotable = message.exposure.quotable
    left_out = _left_out(message, now)
    shown = left_out is None
    return Entry(
        number=numbers[message.id],
        day=datetime.fromtimestamp(message.time, UTC).strftime("%Y-%m-%d"),
        text=message.text if shown else None,
        name=message.name if shown and quotable == "named" else None,
        quotable=quotable,
        answers=numbers.get(message.reply_to) if shown and message.reply_to is not None else None,
        left_out=left_out,
        attachments=message.attachments if shown else (),
    )


def _left_out(message: MessageSent, now: int) -> str | None:
    """What is forbidden comes first: that a message could not be quoted is as true once it is gone."""
    if message.exposure.quotable not in ("anonymous", "named"):
        return NOT_QUOTABLE
    if message.text is None:
        return EXPIRED if message.gone == "expired" else RETRACTED
    if message.exposure.until and now >= message.exposure.until:
        return EXPIRED
    return None


# ---- formats
def as_text(title: str, entries: Sequence[Entry], now: int) -> str:
    """Plain text."""
    lines = [clean(title), f"Exported {_day(now)}.", _PREFACE, ""]
    for entry in entries:
        lines.append(f"{entry.number}. {entry.day} {_who(entry)}")
        lines += [f"    {line}" for line in _lines(entry)]
    return "\n".join(lines) + "\n"


def as_markdown(title: str, entries: Sequence[Entry], now: int) -> str:
    """Markdown, in which what was said is text and nothing else: no links, no images, no HTML."""
    lines = [f"# {_escaped(clean(title))}", "", f"Exported {_day(now)}. {_PREFACE}", ""]
    for entry in entries:
        lines += [f"**{entry.number}.** {entry.day} {_escaped(_who(entry))}", ""]
        lines += [f"> {_escaped(line)}  " for line in _lines(entry)]
        lines.append("")
    return "\n".join(lines)


def as_json(title: str, entries: Sequence[Entry], now: int) -> str:
    """One JSON object: title, exported (seconds), note, entries."""
    found = [
        {
            "number": entry.number,
            "day": entry.day,
            "name": entry.name,
            "text": entry.text,
            "quotable": entry.quotable,
            "answers": entry.answers,
            "left_out": entry.left_out,
            "attachments": [{"name": one.name, "size": one.size} for one in entry.attachments],
            "why": None if entry.left_out is None else REASONS[entry.left_out],
        }
        for entry in entries
    ]
    whole = {"title": title, "exported": now, "note": _PREFACE, "entries": found}
    return json.dumps(whole, ensure_ascii=True, indent=1) + "\n"


FORMATS: Final[Mapping[str, Callable[[str, Sequence[Entry], int], str]]] = {
    "md": as_markdown,
    "txt": as_text,
    "json": as_json,
}


def _who(entry: Entry) -> str:
    if entry.left_out is not None:
        return ""
    answers = "" if entry.answers is None else f", in answer to {entry.answers}"
    return f"{SOMEBODY if entry.name is None else clean(entry.name)}{answers}:"


def _lines(entry: Entry) -> list[str]:
    if entry.left_out is not None:
        return [f"[{REASONS[entry.left_out]}]"]
    lines = clean_block(entry.text).split("\n") if entry.text else []
    return lines + [f"[attached: {clean(one.name)}, {size(one.size)}]" for one in entry.attachments]


def attachment_path(folder: Path, entry: Entry, index: int) -> Path:
    """Where an attachment is saved: the entry's number keeps two of one name apart."""
    return folder / f"{entry.number}.{index + 1} {entry.attachments[index].name}"


def _escaped(text: str) -> str:
    """Markdown's own characters, and the dots of addresses that would become links."""
    escaped = _MARKDOWN.sub(r"\\\1", text)
    return re.sub(r"(?i)\b(https?|ftp|mailto|www)([:.])", "\\1\\\\\\2", escaped)


def _day(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def save_export(path: Path, content: str) -> None:
    """A new file that only its owner reads. Raises BackchannelError where there is one already, OSError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sentence = f"{path} is there already, and is not overwritten. Choose another name."
        raise BackchannelError("file-exists", sentence) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
