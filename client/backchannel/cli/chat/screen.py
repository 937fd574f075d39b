"""The chat at a terminal: what comes in stands above the line that is being written.

The part of the screen that stays has what waits to be sent, connection and the state of the last own
message, the exposure of what is written next, and the prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application.current import get_app_or_none
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import clear
from prompt_toolkit.styles import Style

from backchannel import text
from backchannel.cli.chat.commands import COMMANDS, Quit, obey
from backchannel.cli.chat.conversation import Conversation
from backchannel.cli.chat.entries import Entry, party_line
from backchannel.errors import BackchannelError

STYLE: Final = Style.from_dict(
    {
        "message": "",
        "head": "bold",
        "own": "bold ansigreen",
        "event": "ansibrightblack",
        "day": "ansibrightblack",
        "unread": "bold ansiyellow",
        "notice": "ansicyan",
        "knock": "bold ansiyellow",
        "warning": "bold ansired",
        "banner": "bold ansiwhite bg:ansired",
        "waiting": "italic ansibrightblack",
        "exposure": "ansibrightblack",
    }
)
_SILENT: Final = ("delivery", "seen")
_REFRESH_S: Final = 1.0
_WAITING_SHOWN: Final = 3
_AHEAD: Final = 64
"""How many lines may be typed before the first of them is obeyed."""


class Screen:
    """A terminal. `show` is the conversation's way to speak."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._session: PromptSession[str] | None = None
        self._typed: asyncio.Queue[str] = asyncio.Queue(_AHEAD)

    def show(self, entry: Entry) -> None:
        """Above the prompt."""
        if entry.kind in _SILENT:
            self._refresh()
            return
        self._entries.append(entry)
        self._print(entry)

    def _print(self, entry: Entry) -> None:
        width = self._width()
        style = "own" if entry.own else "head" if entry.kind == "message" else entry.kind
        first, *more = entry.lines(width)
        fragments = [(f"class:{style}", entry.head)] if first.startswith(entry.head) else []
        rest = first.removeprefix(entry.head) if fragments else first
        kind = "message" if entry.kind == "message" else entry.kind
        fragments.append((f"class:{kind}", rest))
        fragments += [(f"class:{kind}", f"\n{line}") for line in more]
        print_formatted_text(FormattedText(fragments), style=STYLE)

    def _width(self) -> int:
        assert self._session is not None
        return self._session.output.get_size().columns - 1

    def _refresh(self) -> None:
        app = get_app_or_none()
        if app is not None:
            app.invalidate()

    # ---- the part that stays
    def _prompt(self, chat: Conversation) -> FormattedText:
        room, width = chat.room, self._width()
        waiting = [one.text or "" for one in room.pending() if one.type == "message"]
        fragments: list[tuple[str, str]] = []
        for words in waiting[:_WAITING_SHOWN]:
            line = text.wrapped(words, width - 12)[0]
            fragments.append(("class:waiting", f"  waiting: {line}\n"))
        if len(waiting) > _WAITING_SHOWN:
            fragments.append(("class:waiting", f"  and {len(waiting) - _WAITING_SHOWN} more\n"))
        for said in (chat.standing(), chat.exposure()):
            fragments += [("class:exposure", f"{line}\n") for line in text.wrapped(said, width)]
        fragments.append(("class:own", f"{party_line(room.state, room.seat)} › "))
        return FormattedText(fragments)

    async def converse(self, chat: Conversation, start: Callable[[], None]) -> None:
        """Reads and obeys, until the person quits. `start` is called when the screen is there."""
        session: PromptSession[str] = PromptSession(
            multiline=True,
            erase_when_done=True,
            key_bindings=_keys(),
            completer=WordCompleter([f"/{name}" for name in COMMANDS], sentence=True),
            complete_while_typing=False,
            refresh_interval=_REFRESH_S,
            reserve_space_for_menu=0,
            style=STYLE,
        )
        self._session = session
        session.default_buffer.on_text_changed += lambda _: chat.touch()
        with _listening(session), patch_stdout(raw=True):
            start()
            obeying = asyncio.create_task(self._obey_all(chat))
            try:
                await self._read_all(session, chat)
                await self._typed.join()
            finally:
                obeying.cancel()

    async def _read_all(self, session: PromptSession[str], chat: Conversation) -> None:
        """Until the person ends it. Another line can be typed while one is being obeyed."""
        while True:
            try:
                line = await session.prompt_async(lambda: self._prompt(chat))
            except EOFError:
                return
            if line.split() == ["/quit"]:
                return
            if line.split() == ["/clear"]:
                self._redraw()
            else:
                await self._typed.put(line.strip("\n"))

    async def _obey_all(self, chat: Conversation) -> None:
        """One line after the other, in the order in which they were typed."""
        while True:
            line = await self._typed.get()
            try:
                await obey(chat, line)
                chat.touch()
            except Quit:
                self.show(Entry("notice", "To end, type /quit and nothing behind it, or Ctrl-D.", {}))
            except BackchannelError as error:
                self.show(Entry("notice", text.clean(error.sentence), {}))
                self._keep(line)
            finally:
                self._typed.task_done()

    def _redraw(self) -> None:
        clear()
        for entry in self._entries:
            self._print(entry)

    def _keep(self, line: str) -> None:
        """What could not be done can be brought back with the arrow up."""
        assert self._session is not None
        self._session.history.append_string(line)


def _listening(session: PromptSession[str]) -> AbstractContextManager[None]:
    """Keys stay keys between two prompts and while something is printed.

    prompt_toolkit would go back to the terminal's line mode there, which swallows Ctrl-D and makes Ctrl-C a
    signal.
    """
    session.input.cooked_mode = nullcontext  # type: ignore[method-assign]
    return session.input.raw_mode()


def _keys() -> KeyBindings:
    """Enter sends, Alt-Enter makes a line, Ctrl-C empties the line and then ends."""
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def break_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def give_up(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.text:
            buffer.append_to_history()
            buffer.reset()
        else:
            event.app.exit(exception=EOFError)

    return keys
