"""What all commands share: options, how they run, how they end.

Exit codes: 0 done, 1 refused or failed, 2 not a command as it stands, 3 not done yet (it waits in
the outbox), 130 stopped by Ctrl-C, 141 nobody reads the output any more.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from backchannel.cli.output import Output
from backchannel.cli.secrets import refuse_secrets
from backchannel.errors import BackchannelError
from backchannel.text import clean

FAILED: Final = 1
USAGE: Final = 2
WAITING: Final = 3
INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141
TRACEBACK: Final = "BACKCHANNEL_TRACEBACK"
_EXIT_CODES: Final = {"waiting": WAITING, "secret-in-arguments": USAGE, "usage": USAGE}


@dataclass(slots=True)
class Options:
    """What may stand before or behind every command."""

    profile: Path | None = None
    as_json: bool = False
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None

    @property
    def output(self) -> Output:
        """Where to say things."""
        return Output(self.as_json)

    @property
    def path(self) -> Path:
        """The profile's file."""
        return default_profile() if self.profile is None else self.profile


def default_profile() -> Path:
    """In the platform's folder for a person's data."""
    home = Path.home()
    if sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return folder / "backchannel" / "profile.db"


def options() -> Options:
    """The options of the command that runs."""
    return click.get_current_context().ensure_object(Options)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Stores a shared option; given twice, the one nearer to the end counts."""
    if value not in (None, False) and parameter.name is not None:
        setattr(context.ensure_object(Options), parameter.name, value)


def _shared() -> list[click.Parameter]:
    """New objects for each command."""
    file = click.Path(path_type=Path, dir_okay=False)
    wanted: list[tuple[list[str], dict[str, Any]]] = [
        (
            ["--profile"],
            {"type": file, "metavar": "FILE", "help": "The profile, also as BACKCHANNEL_PROFILE."},
        ),
        (
            ["--json", "as_json"],
            {"is_flag": True, "help": "One JSON object per line; errors as {error, sentence}."},
        ),
        (
            ["--passphrase-file"],
            {
                "type": file,
                "metavar": "FILE",
                "help": "The passphrase is its first line; also as BACKCHANNEL_PASSPHRASE_FILE.",
            },
        ),
        (
            ["--passphrase-fd"],
            {"type": click.IntRange(0), "metavar": "N", "help": "The same from an open file descriptor."},
        ),
    ]
    return [click.Option(names, expose_value=False, callback=_keep, **settings) for names, settings in wanted]


class Command(click.Command):
    """A command with the shared options. What it has no use for is refused, not repeated."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _shared()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises UsageError."""
        lenient = self.allow_extra_args
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not lenient:
            count = "an argument" if len(rest) == 1 else f"{len(rest)} arguments"
            raise click.UsageError(
                f"There is {count} more than this command takes; --help shows what it takes."
            )
        return rest


class Group(click.Group):
    """A group of commands, with the shared options too."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _shared()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs what a command does."""
    asyncio.run(work())


def run_command(root: click.Command, words: Sequence[str]) -> int:
    """Runs a command line. Returns the exit code; no traceback reaches a person."""
    before, _, _ = " ".join(words).partition(" -- ")
    shared = Options(as_json="--json" in before.split(" "))
    _from_environment(shared)
    try:
        refuse_secrets(words)
        # not root.main, which makes exit codes of its own where nobody reads the output
        with root.make_context("backchannel", list(words), obj=shared) as context:
            root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return USAGE
    except BrokenPipeError:
        _hush()
        return CLOSED_PIPE
    except (KeyboardInterrupt, click.Abort, asyncio.CancelledError):
        return _failed(shared, "interrupted", "Stopped.", INTERRUPTED)
    except click.ClickException as error:
        return _failed(shared, "usage", clean(error.format_message()), USAGE)
    except BackchannelError as error:
        code = _EXIT_CODES.get(error.code, FAILED)
        return _failed(shared, error.code, clean(error.sentence), code)
    except sqlite3.Error:
        sentence = (
            "The profile could not be written. Look whether its disk is full; what was said before is kept."
        )
        return _failed(shared, "profile-write", sentence, FAILED)
    except OSError as error:
        where = "" if error.filename is None else f"{clean(str(error.filename))}: "
        return _failed(shared, "file", f"{where}{error.strerror or 'cannot be used'}.", FAILED)
    except Exception as error:  # noqa: BLE001 - our own fault: no traceback, which may hold what people wrote
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        kind = type(error).__name__
        sentence = f"A fault of this program ({kind}). What was written is kept. {TRACEBACK}=1 shows more."
        return _failed(shared, "internal", sentence, FAILED)
    return 0


def _from_environment(shared: Options) -> None:
    profile = os.environ.get("BACKCHANNEL_PROFILE")
    passphrase = os.environ.get("BACKCHANNEL_PASSPHRASE_FILE")
    shared.profile = Path(profile) if profile else None
    shared.passphrase_file = Path(passphrase) if passphrase else None


def _failed(shared: Options, code: str, sentence: str, exit_code: int) -> int:
    try:
        shared.output.failure(code, sentence)
    except BrokenPipeError:
        _hush()
        return CLOSED_PIPE
    return exit_code


def _hush() -> None:
    """Nobody reads: what is still to be flushed at the end goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
