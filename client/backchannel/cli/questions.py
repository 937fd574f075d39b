"""Questions to the person at the terminal; where there is none, the option that answers them."""

from __future__ import annotations

import sys

import click

from backchannel.cli.secrets import can_ask
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
    answer: str = click.prompt(question, err=True)
    return answer


def confirmed(question: str, *, yes: bool) -> None:
    """Goes on only after a yes. Raises BackchannelError."""
    if yes:
        return
    if not at_terminal():
        raise click.UsageError("This asks before it does anything, and there is no terminal: give --yes.")
    if not click.confirm(question, err=True):
        raise BackchannelError("not-confirmed", "Nothing was changed.")
