"""Messages whose attachments are not at the server yet: from the profile to the outbox, or to what failed.

Each step is one transaction of the ledger. Until it is in the outbox such a message has no intent, so what
is said meanwhile goes first; its place is the negative of its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from backchannel.attachments import (
    MAX_WAITING_BYTES,
    MEBIBYTE,
    UPLOAD,
    File,
    Upload,
    attach,
    body_with,
    encode_upload,
    sealed_parts,
    uploads_of,
)
from backchannel.errors import NotAllowed
from backchannel.inbox import given_up
from backchannel.ledger import Change, Ledger
from backchannel.outbox import Item
from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.ids import parse_b64u

_AT_ONCE: Final = 16
"""How many parts one transaction of the profile takes: 4 MiB."""


async def begin_upload(ledger: Ledger, body: JsonObject, files: Sequence[File], now: int) -> Upload:
    """Encrypts files, and keeps them with the message that they go with. Raises NotAllowed.

    The caller holds the ledger's lock.
    """
    number = ledger.counters().upload + 1
    attachments = [attach(file) for file in files]
    upload = Upload(number, jcs(body_with(body, attachments)), now)
    waiting = sum(one.sealed_bytes for one in uploads_of(ledger.notes))
    if waiting + upload.sealed_bytes > MAX_WAITING_BYTES:
        most = MAX_WAITING_BYTES // MEBIBYTE
        sentence = f"{most} MiB wait already to be uploaded. Attach this when some of it is at the server."
        raise NotAllowed("too-many", sentence)
    for index, (attachment, file) in enumerate(zip(attachments, files, strict=True)):
        key = parse_b64u(attachment.key)
        parts = sealed_parts(number, index, key, file)
        while some := dict(islice(parts, _AT_ONCE)):
            await ledger.keep_parts(some)
    await ledger.count_upload(number, Change(notes=encode_upload(upload)))
    return upload


async def finish_upload(ledger: Ledger, upload: Upload) -> None:
    """All blobs are whole: the message takes its intent. The caller holds the ledger's lock."""
    body: JsonObject = msgspec.json.decode(upload.body)
    change = Change(drop_notes={f"{UPLOAD}{upload.number}"}, drop_parts=[upload.places])
    ledger.uploaded[upload.number] = await ledger.enqueue("chat", "message", body, change=change)


def fail_upload(change: Change, ledger: Ledger, upload: Upload, code: str, sentence: str) -> None:
    """Adds that a message will not be sent. Its words are kept, of its files their names."""
    change.drop_notes.add(f"{UPLOAD}{upload.number}")
    change.drop_parts.append(upload.places)
    given_up(change, ledger.view, item_of(upload), code, sentence)


def item_of(upload: Upload) -> Item:
    """The message as the outbox would have it; it has no intent."""
    return Item(place=-upload.number, lane="chat", type="message", body=upload.body)


async def drop_strays(ledger: Ledger) -> None:
    """Parts that no note names: this program died while it wrote them."""
    async with ledger.lock:  # who keeps parts holds it until they are named
        named = [upload.places for upload in uploads_of(ledger.notes)]
        kept = await ledger.part_places()
        strays = [range(one, one + 1) for one in kept if not any(one in places for places in named)]
        if strays:
            await ledger.store(Change(drop_parts=strays))
