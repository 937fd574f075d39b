"""The commands, put together."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backchannel.cli.admit import admit
from backchannel.cli.base import Group, run_command
from backchannel.cli.chat.command import chat
from backchannel.cli.doctor import doctor
from backchannel.cli.export import export
from backchannel.cli.govern import rules
from backchannel.cli.host import host
from backchannel.cli.invite import invite
from backchannel.cli.join import join
from backchannel.cli.members import members
from backchannel.cli.processes import backup, migrate_store, restore, serve
from backchannel.cli.room import room


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command line; returns its exit code (see `base`)."""
    return run_command(backchannel, sys.argv[1:] if words is None else words)


backchannel = Group(
    "backchannel",
    no_args_is_help=True,
    help="""Encrypted rooms for people of opposing sides. The server keeps what it cannot read.

    \b
    A first room:   backchannel serve         on the machine of the host
                    backchannel host add      paste the host link that it printed
                    backchannel room create
                    backchannel invite make   a link for one person
                    backchannel chat
    Who is invited: backchannel join

    Secrets (passphrases, links, tokens) are never arguments: they are asked for, or read from standard
    input or a file. Settings by environment: BACKCHANNEL_PROFILE, BACKCHANNEL_PASSPHRASE_FILE.""",
)
room.add_command(rules)
for command in (
    *(serve, host, room, invite, join, admit, members, chat, export, doctor),
    *(backup, restore, migrate_store),
):
    backchannel.add_command(command)
