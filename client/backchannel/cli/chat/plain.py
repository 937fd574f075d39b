"""The chat without a terminal: lines in, lines or JSON out, for scripts and tests."""

from __future__ import annotations

from typing import Final

from backchannel.cli.chat.commands import Quit, obey
from backchannel.cli.chat.conversation import Conversation
from backchannel.cli.chat.entries import Entry
from backchannel.cli.lines import typed_lines
from backchannel.cli.output import Output
from backchannel.errors import BackchannelError

_WIDTH: Final = 100
_SILENT: Final = ("delivery", "seen")


def shown(out: Output, entry: Entry) -> None:
    """An entry as a line, or as JSON."""
    if out.as_json:
        if entry.record:
            out.result(entry.record)
    elif entry.kind not in _SILENT:
        out.result({}, *([entry.head] if entry.body is None else entry.lines(_WIDTH)))


async def converse(chat: Conversation, out: Output) -> bool:
    """Obeys each line of standard input. Whether it ended with /quit, and not because there is no more."""
    async for line in typed_lines():
        try:
            await obey(chat, line)
        except Quit:
            return True
        except BackchannelError as error:
            out.failure(error.code, error.sentence)
    return False
