"""Files in a chat: /attach and /save."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from backchannel import MessageSent
from backchannel.attachments import Attached, read_file
from backchannel.cli.chat.conversation import Conversation
from backchannel.cli.chat.entries import Entry
from backchannel.cli.output import Record
from backchannel.text import clean
from backchannel_protocol.room.attachments import Attachment


async def attach(chat: Conversation, path: Path, words: str, *, sure: bool) -> str | None:
    """Attaches a file, or says what it may tell, where the person has not said that it may.

    Raises BackchannelError.
    """
    file = await asyncio.to_thread(read_file, path)
    if file.warning is not None and not sure:
        return file.warning
    attached: Sequence[Attached] = [(file.name, file.type, file.content)]
    await chat.write(words, attachments=attached)
    return None


async def save(chat: Conversation, message: MessageSent, which: int | None, path: Path) -> None:
    """Saves the attachments of a message, or one of them, from 1. Raises BackchannelError."""
    chosen = message.attachments if which is None else message.attachments[which - 1 : which]
    for attachment in chosen:
        said = [0]

        def tell(come: int, size: int, said: list[int] = said, one: Attachment = attachment) -> None:
            quarter = 4 * come // size
            if said[0] < quarter < 4:
                said[0] = quarter
                line = f"Fetching {clean(one.name)}: {100 * come // size} %."
                record: Record = {"type": "fetching", "name": one.name, "bytes": come, "of": size}
                chat.show(Entry("notice", line, record))

        target = await chat.room.save(attachment, path, progress=tell)
        record: Record = {"type": "saved", "name": attachment.name, "path": str(target)}
        chat.show(Entry("notice", f"Saved as {target}. Anybody who can use this device can read it.", record))
