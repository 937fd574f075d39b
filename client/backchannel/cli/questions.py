"""Questions to the person at the terminal; where there is none, the option that answers them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from backchannel.cli.lines import typed_line
from backchannel.cli.secrets import can_ask, interruptible
from backchannel.errors import BackchannelError


def at_terminal() -> bool:
    """Whether there is a person who can be asked."""
    return sys.stdin.isatty() and can_ask()


def value_or_asked(value: str | None, question: str, option: str) -> str:
    """A value that was given, or is asked for. Raises UsageError."""
    if value is not None:
        return value
    if not at_terminal():
        raise click.UsageError(f"{option} is missing, and there is no terminal to ask at.")
    with interruptible():
        answer: str = click.prompt(question, err=True)
    return answer


def confirmed(question: str, *, yes: bool) -> None:
    """Goes on only after a yes. Raises BackchannelError."""
    if yes:
        return
    if not at_terminal():
        raise click.UsageError("This asks before it does anything, and there is no terminal: give --yes.")
    with interruptible():
        agreed = click.confirm(question, err=True)
    if not agreed:
        raise BackchannelError("not-confirmed", "Nothing was changed.")


async def choice_asked(question: str, choices: Sequence[str]) -> str:
    """One of some words, or its first letter; the last word where nothing is typed.

    While the person thinks, the room goes on: others' knocks are answered, and the connection lives.
    """
    while True:
        sys.stderr.write(f"{question} [{'/'.join(choices)}] ")
        sys.stderr.flush()
        typed = await typed_line()
        if typed is None or not typed.strip():
            return choices[-1]
        found = [word for word in choices if typed.strip().casefold() in (word, word[0])]
        if found:
            return found[0]
