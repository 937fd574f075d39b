"""`backchannel export`: what may leave a room, and no more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from backchannel import Room
from backchannel.cli.base import Command, options, run
from backchannel.cli.opening import in_room, room_option
from backchannel.cli.output import Record
from backchannel.errors import BackchannelError
from backchannel.export import FORMATS, Entry, attachment_path, export_entries, save_export
from backchannel.files import already_there

_ENDINGS: Final = {f".{name}": name for name in FORMATS}


@click.command(cls=Command)
@room_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format", "wanted_format", type=click.Choice(list(FORMATS)), help="Default: by FILE's ending."
)
@click.option("--offline", is_flag=True, help="As this device last saw the room, without asking the server.")
@click.option(
    "--attachments",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A new folder for what is attached to messages that may be quoted.",
)
def export(
    wanted: str | None, file: Path, wanted_format: str | None, folder: Path | None, *, offline: bool
) -> None:
    """Writes what may be quoted from a room to a new FILE that only you can read.

    A message whose author does not allow quoting stays out, an anonymous one goes without its author's
    name. What was taken back or is over stays out. A line stands for each omission and says why. Members and
    moderation are no part of it. Of attachments names and sizes are written; with --attachments what is in
    them too, which may name its author even where the message goes without the name.
    """
    name = wanted_format or _ENDINGS.get(file.suffix)
    if name is None:
        raise click.UsageError("Say which format with --format md, txt or json, or by FILE's ending.")

    async def work() -> None:
        async with in_room(wanted, online=not offline) as room:
            now = int(time.time())
            entries = export_entries(room.history(), now)
            save_export(file, FORMATS[name](room.title, entries, now))
            left_out = sum(entry.left_out is not None for entry in entries)
            said = f"Wrote {file}: {len(entries) - left_out} of {len(entries)} messages."
            if left_out:
                said += f" {left_out} may not leave the room; a line stands for each."
            if folder is not None:
                saved, missing = await save_attachments(room, entries, folder)
                said += f" {saved} attachments are in {folder}."
                said += f" {missing} are no longer on the server." if missing else ""
            record: Record = {"file": str(file), "messages": len(entries) - left_out, "left_out": left_out}
            options().output.result(record, said)

    run(work)


async def save_attachments(room: Room, entries: Sequence[Entry], folder: Path) -> tuple[int, int]:
    """Into a new folder of the owner's alone. How many are in it, and how many the server has no more."""
    _make_folder(folder)
    saved = missing = 0
    for entry in entries:
        for index, attachment in enumerate(entry.attachments):
            try:
                await room.save(attachment, attachment_path(folder, entry, index))
                saved += 1
            except BackchannelError as error:
                if error.code != "attachment-gone":
                    raise
                missing += 1
    return saved, missing


def _make_folder(folder: Path) -> None:
    """Raises BackchannelError where there is one already, OSError."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise already_there(folder) from None
