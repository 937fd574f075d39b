"""Carries attachments to the server and back, one part at a time, for ever (PROTOCOL.md, section 12a).

One task uploads and deletes what the ledger's notes say. Whatever breaks, the server is asked which parts
stand, and the rest goes on from there: after a cut, and after this program died.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from backchannel import waiting
from backchannel.attachments import UNBLOB, Upload, gone, uploads_of
from backchannel.connection.host import Host
from backchannel.errors import BackchannelError, ServerRefused, ServerUnreachable
from backchannel.ledger import Change, Ledger
from backchannel.live import LiveRoom
from backchannel.patience import FIRST_BACKOFF_S, LAST_BACKOFF_S
from backchannel.room.view import Presence
from backchannel.uploads import fail_upload, finish_upload
from backchannel.waiting import Reason
from backchannel_protocol.blobs import ALTERED, open_part, part_count, part_size, sealed_size
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.http_bodies import BeginBlob, DeleteBlob, ForBlob, PutPart, ReadPart, blob_content
from backchannel_protocol.ids import SIGNATURE_SIZE, parse_b64u
from backchannel_protocol.keys import sign
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.attachments import Attachment

ATTEMPTS: Final = 6
"""How often in a row a part is asked for before whoever waits for it is told."""

_LATER: Final = {
    code.value
    for code in (
        Code.TOO_FAST,
        Code.TOO_SLOW,
        Code.STORAGE_FULL,
        Code.STOPPING,
        Code.INTERNAL,
        Code.EXPIRED,  # clocks differ: what the server's says is learnt with each connection
        Code.UNKNOWN_BLOB,  # it took too long, and is begun anew
    )
}
"""The same is asked again, later."""

_FULL: Final = (
    "The attachments of this room take as much place as the server gives to one. Send it when some of them "
    "have gone, or take back what is not needed."
)

_DOUBTED: Final = {code.value for code in (Code.REMOVED, Code.UNKNOWN_SEAT, Code.UNKNOWN_ROOM)}
"""The room's log says whether that is so: until it does, what is to be uploaded waits."""

Progress = Callable[[int, int], object]
"""Told how many bytes of how many have come."""

W = TypeVar("W", bound=ForBlob)


class Porter:
    """Of one room. `run` is one task of it."""

    def __init__(
        self, ledger: Ledger, host: Host, live: LiveRoom, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._host = host
        self._live = live
        self._clock = clock
        self._backoff = FIRST_BACKOFF_S
        self._sent: dict[int, int] = {}
        self._held: Reason | None = None

    # ---- what is told
    def progress(self, upload: Upload) -> tuple[int, int]:
        """How many bytes of how many are at the server, as this program knows."""
        return self._sent.get(upload.number, 0), upload.sealed_bytes

    def why_waiting(self, upload: Upload) -> Reason:
        """What a message waits for whose attachments are not all at the server."""
        over = self._ledger.stopped or self._live.error
        if over is not None:
            return Reason(over.code, over.sentence)
        if not self._live.attached:
            return self._live.doubt or waiting.UNREACHABLE
        if next(iter(uploads_of(self._ledger.notes))).number != upload.number:
            return waiting.EARLIER
        sent, whole = self.progress(upload)
        return self._held or Reason("uploading", f"Uploading: {100 * sent // whole} %.")

    # ---- to the server
    async def run(self) -> None:
        """Until it is cancelled."""
        ledger = self._ledger
        while True:
            async with ledger.changed:
                await ledger.changed.wait_for(self._may_work)
            try:
                await self._work()
            except ServerUnreachable:
                await self._hold(waiting.UNREACHABLE, None)
            except ServerRefused as refusal:
                await self._refused(refusal)
            else:
                self._backoff, self._held = FIRST_BACKOFF_S, None

    def _may_work(self) -> bool:
        ledger = self._ledger
        present = ledger.view.presence is Presence.PRESENT and ledger.stopped is None
        return self._live.attached and present and bool(self._unneeded() or uploads_of(ledger.notes))

    def _unneeded(self) -> list[str]:
        return [name for name in self._ledger.notes if name.startswith(UNBLOB)]

    async def _work(self) -> None:
        """What nobody needs goes first: it makes place."""
        for name in self._unneeded():
            blob = parse_b64u(name.removeprefix(UNBLOB))
            try:
                await self._host.delete_blob(self._signed(DeleteBlob(*self._about(blob))))
            except ServerRefused as refusal:
                if refusal.code in _LATER | _DOUBTED:
                    raise
            async with self._ledger.lock:
                await self._ledger.store(Change(drop_notes={name}))
        for upload in uploads_of(self._ledger.notes)[:1]:
            await self._upload(upload)

    async def _upload(self, upload: Upload) -> None:
        done = 0
        for index, attachment in enumerate(upload.message().attachments):
            done = await self._upload_one(upload, index, attachment, done)
        async with self._ledger.lock:
            if upload in uploads_of(self._ledger.notes):
                await finish_upload(self._ledger, upload)
        self._sent.pop(upload.number, None)
        self._live.wake()

    async def _upload_one(self, upload: Upload, index: int, attachment: Attachment, done: int) -> int:
        """The bytes of the upload that are at the server then; `done` were before."""
        blob, size = parse_b64u(attachment.blob), sealed_size(attachment.size)
        begun = await self._host.begin_blob(self._signed(BeginBlob(*self._about(blob), size)))
        done += sum(part_size(size, number) for number in begun.stands)
        await self._say(upload, done)
        for number, place in enumerate(upload.part_places(index)):
            if number in begun.stands:
                continue
            part = await self._ledger.part(place)
            if part is None:  # the message was given up meanwhile
                return done
            await self._host.put_part(self._signed(PutPart(*self._about(blob), number, part)))
            done += len(part)
            await self._say(upload, done)
        return done

    async def _say(self, upload: Upload, done: int) -> None:
        self._sent[upload.number], self._held = done, None
        await self._tell()

    async def _tell(self) -> None:
        async with self._ledger.changed:
            self._ledger.changed.notify_all()

    async def _refused(self, refusal: ServerRefused) -> None:
        """What will not change by itself ends the message; for the rest there is another time."""
        uploads = uploads_of(self._ledger.notes)
        if refusal.code in _LATER | _DOUBTED or not uploads:
            await self._hold(Reason(refusal.code, refusal.sentence), refusal.retry_after_s)
            return
        code, sentence = refusal.code, refusal.sentence
        if code == Code.TOO_MANY.value:
            sentence = _FULL
        async with self._ledger.lock:
            change = Change()
            fail_upload(change, self._ledger, uploads[0], code, sentence)
            await self._ledger.store(change)

    async def _hold(self, reason: Reason, wait_s: int | None) -> None:
        """Says why, and rests."""
        self._held = reason
        await self._tell()
        await asyncio.sleep(self._backoff if wait_s is None else wait_s)
        self._backoff = min(2 * self._backoff, LAST_BACKOFF_S)

    # ---- from the server
    async def fetch(self, attachment: Attachment, progress: Progress | None) -> bytes:
        """The content, whole and verified. Raises BackchannelError."""
        size = sealed_size(attachment.size)
        key, pieces, come = parse_b64u(attachment.key), [], 0
        for number in range(part_count(size)):
            part = await self._fetch_part(parse_b64u(attachment.blob), number)
            try:
                pieces.append(open_part(key, attachment.size, number, part))
            except RemoteProtocolError:
                raise BackchannelError("attachment-altered", ALTERED) from None
            come += len(part)
            if progress is not None:
                progress(come, size)
        return b"".join(pieces)

    async def _fetch_part(self, blob: bytes, number: int) -> bytes:
        pause = FIRST_BACKOFF_S
        for left in reversed(range(ATTEMPTS)):
            try:
                return (await self._host.read_part(self._signed(ReadPart(*self._about(blob), number)))).body
            except ServerUnreachable:
                if not left:
                    raise
                await asyncio.sleep(pause)
            except ServerRefused as refusal:
                if refusal.code == Code.UNKNOWN_BLOB.value:
                    raise gone() from None
                if not left or refusal.code not in _LATER:
                    raise
                await asyncio.sleep(refusal.retry_after_s or pause)
            pause *= 2
        raise ServerUnreachable

    # ---- what is signed
    def _about(self, blob: bytes) -> tuple[bytes, bytes, bytes, int, bytes]:
        view = self._ledger.view
        return view.room, view.seat, blob, int(self._clock()) + self._live.ahead_s, bytes(SIGNATURE_SIZE)

    def _signed(self, request: W) -> W:
        content = blob_content(request, self._ledger.about.record_key)
        signature = sign(self._ledger.keys.seat_key, "blob", content)
        return msgspec.structs.replace(request, signature=signature)
