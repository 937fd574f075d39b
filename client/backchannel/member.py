"""A room as a program uses it: read, write, govern. Ids of seats, messages and mailboxes are b64u."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from backchannel.errors import BackchannelError
from backchannel.expiry import shown
from backchannel.files import already_there, target_of, write_whole
from backchannel.governing import Governing
from backchannel.porter import Progress
from backchannel.room.facts import AnyFact, MessageSent
from backchannel.room.view import Presence, history_sentence
from backchannel.speaking import Speaking
from backchannel.waiting import LEFT_BEHIND, SKIPPED, Reason
from backchannel_protocol.room.attachments import Attachment
from backchannel_protocol.room.state import Seat


class Room(Speaking, Governing):
    """One room that this profile has a seat in."""

    # ---- what is known
    @property
    def title(self) -> str:
        """The title."""
        return self.state.title

    @property
    def history_rule(self) -> str:
        """Why nothing is shown of the time before a seat came, in a sentence."""
        return history_sentence(self.state.history)

    @property
    def current(self) -> bool:
        """Whether everything that the server has of the room is here."""
        return self._live.current

    @property
    def posted(self) -> bool:
        """Whether all letters to invitees are at the server: whom they admit can come in from now on."""
        return self._live.posted

    @property
    def stopped(self) -> BackchannelError | None:
        """Why the room is not connected any more and will not be, where that is so."""
        return self._live.error or self.ledger.stopped

    @property
    def trouble(self) -> Reason | None:
        """What keeps this device from following the room, or all from writing, now: for a banner."""
        view = self.ledger.view
        if self.stopped is not None:
            return Reason(self.stopped.code, self.stopped.sentence)
        if self._live.doubt is not None:
            return self._live.doubt
        if view.skipped:
            return LEFT_BEHIND if view.left_behind else SKIPPED
        return None

    def hurry(self) -> None:
        """Connects now, where it rests between two attempts."""
        self._live.wake()

    async def caught_up(self) -> None:
        """Until everything that the server has of the room is here. Raises what ended the connection."""
        async with self.ledger.changed:
            await self.ledger.changed.wait_for(lambda: self.current or self._over())
        if not self.current and self._live.error is not None:
            raise self._live.error

    def members(self) -> dict[str, Seat]:
        """Who is in the room."""
        return dict(self.state.seats)

    # ---- what happened
    def history(self) -> list[AnyFact]:
        """All that happened since this seat came, in order."""
        view, now = self.ledger.view, self._now()
        return [shown(view, fact, now) for fact in self.ledger.facts]

    def messages(self) -> list[MessageSent]:
        """All messages since this seat came."""
        return [fact for fact in self.history() if isinstance(fact, MessageSent)]

    async def events(self, *, replay: bool = False) -> AsyncIterator[AnyFact]:
        """What happens from now on, or with `replay` from the beginning, until the room is left.

        Raises Stopped where the room stopped, and what else ended the connection for good.
        """
        ledger = self.ledger
        at = 0 if replay else len(ledger.facts)
        while True:
            while at < len(ledger.facts):
                at += 1
                yield shown(ledger.view, ledger.facts[at - 1], self._now())
            if self._over():
                if self._live.error is not None and ledger.view.presence is Presence.PRESENT:
                    raise self._live.error
                return
            await self._more_than(at)

    async def heard(self) -> AsyncIterator[MessageSent]:
        """What others say from now on: of the events, their messages alone."""
        async for event in self.events():
            if isinstance(event, MessageSent) and event.seat != self.seat and event.text is not None:
                yield event

    async def _more_than(self, count: int) -> None:
        """Until there are more facts than that, or there will be none."""
        ledger = self.ledger
        async with ledger.changed:
            await ledger.changed.wait_for(lambda: count < len(ledger.facts) or self._over())

    # ---- attachments
    async def fetch(self, attachment: Attachment, *, progress: Progress | None = None) -> bytes:
        """An attachment's content, whole and verified, in memory alone.

        progress  is told how many bytes of how many have come

        Raises BackchannelError: `attachment-gone`, `attachment-altered`, or what hinders the server.
        """
        return await self._porter.fetch(attachment, progress)

    async def save(
        self,
        attachment: Attachment,
        path: Path | str,
        *,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Writes an attachment into a file that only its owner reads, or under its own name into a folder.

        Where it was written. A file that is there stays, unless `replace`: then `file-exists` is raised.
        Nothing stands under the name before all of it was verified and is on disk.
        """
        target = target_of(Path(path), attachment.name)
        if not replace and target.exists():
            raise already_there(target)
        content = await self.fetch(attachment, progress=progress)
        await asyncio.to_thread(write_whole, target, content, replace=replace)
        return target

    # ---- for this package
    async def run(self) -> None:
        """The room's connection, and what is carried beside it: see LiveRoom and Porter."""
        carrying = asyncio.create_task(self._porter.run(), name="porter")
        try:
            await self._live.run()
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
