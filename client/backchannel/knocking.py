"""Waiting at the door: an invitee that knocked, until it is let in (PROTOCOL.md, section 10)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from backchannel.connection.host import Host
from backchannel.errors import BackchannelError, NotAllowed, ServerRefused, ServerUnreachable
from backchannel.joining import Admitted, Knocker, enter_room
from backchannel.letters import ANSWER, CHALLENGE, CLAIM, REVEAL, Answer, Assembly, Challenge, parse_letter
from backchannel_protocol.errors import ProtocolError
from backchannel_protocol.frames import Mail
from backchannel_protocol.refusals import Code

LOOK_S: Final = 1.0
"""How long to wait between two looks into the mailbox."""

CLOCK_SKEW_S: Final = 300
"""How far an invitee's clock and the server's may be apart (PROTOCOL.md, section 12)."""

_EXPIRED: Final = "This invitation's time is over. Ask the person who invited you for a new one."
_EXPIRED_OR_CLOCK: Final = (
    "This invitation's time is over, or this device's clock is wrong. Check the clock of this device; if it "
    "is right, ask the person who invited you for a new invitation."
)

Keep = Callable[[Knocker], Awaitable[None]]


class Door:
    """One knock's conversation. `keep` stores the knocker whenever it changed."""

    def __init__(
        self,
        host: Host,
        knocker: Knocker,
        keep: Keep,
        look_s: float = LOOK_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.knocker = knocker
        self.answer: Answer | None = None
        self._host = host
        self._keep = keep
        self._look_s = look_s
        self._clock = clock

    @property
    def sentence(self) -> str:
        """Where the knock stands, for the person who waits."""
        if not self.knocker.challenge:
            return "not admitted yet: waiting for the inviting person's device to answer"
        if self.answer is None or self.answer.answer != "waiting" or not self.answer.missing:
            return "not admitted yet: waiting for a facilitator"
        names = " and ".join(f"of party {name}" for _, name in self.answer.missing)
        return f"not admitted yet: waiting for a facilitator {names}"

    async def reach_words(self) -> tuple[str, str, str]:
        """The three words. Returns when the facilitator's client has answered."""
        while True:
            letters = await self._exchange(CLAIM)
            await self._take_challenge(letters)
            words = self.knocker.words()
            if words is not None:
                return words
            await asyncio.sleep(self._look_s)

    async def reach_admission(self) -> Admitted:
        """The room. Raises NotAllowed where the knock is declined, Stopped where something is wrong."""
        await self.reach_words()
        step = REVEAL
        while True:
            letters = await self._exchange(step)
            step = 0
            self._take_answer(letters)
            if self.answer is not None and self.answer.answer == "declined":
                raise NotAllowed("declined", "The facilitator declined. Ask the person who invited you.")
            if self.answer is not None and self.answer.answer == "admitted":
                return enter_room(self.knocker, self.answer)
            await asyncio.sleep(self._look_s)

    async def _exchange(self, step: int) -> list[Mail]:
        """One request; while the server is away it is made again and again."""
        wait = self._look_s
        while True:
            try:
                return await self._host.mail(self.knocker.request(step, int(self._clock())))
            except ServerUnreachable:
                pass
            except ServerRefused as error:
                if error.code == Code.EXPIRED.value:
                    raise await self._expired() from None
                if error.code not in (Code.TOO_FAST.value, Code.INTERNAL.value, Code.STOPPING.value):
                    raise
            await asyncio.sleep(wait)
            wait = min(2 * wait, 30.0)

    async def _expired(self) -> BackchannelError:
        """The invitation's time is over, or this device's clock is wrong: the server's tells which."""
        try:
            session = await self._host.open()
        except ServerUnreachable:
            return NotAllowed(Code.EXPIRED.value, _EXPIRED_OR_CLOCK)
        try:
            hello = await session.greet()
        except (ServerUnreachable, ServerRefused):
            return NotAllowed(Code.EXPIRED.value, _EXPIRED_OR_CLOCK)
        finally:
            await session.close()
        behind = hello.time - int(self._clock())
        if abs(behind) <= CLOCK_SKEW_S:
            return NotAllowed(Code.EXPIRED.value, _EXPIRED)
        way = "behind" if behind > 0 else "ahead"
        sentence = (
            f"This device's clock is {_spoken(abs(behind))} {way} of the server's. Set it, and knock again."
        )
        return NotAllowed("clock-wrong", sentence)

    async def _take_challenge(self, letters: list[Mail]) -> None:
        """The first challenge counts for good: the words are bound to it."""
        if self.knocker.challenge:
            return
        for mail in letters:
            letter = self._open(mail)
            if mail.step == CHALLENGE and isinstance(letter, Challenge):
                challenge = self.knocker.check_challenge(letter)
                self.knocker = replace(self.knocker, challenge=challenge)
                await self._keep(self.knocker)
                return

    def _take_answer(self, letters: list[Mail]) -> None:
        """The last answer that is whole."""
        assembly = Assembly()
        for mail in letters:
            letter = self._open(mail)
            if mail.step == ANSWER and isinstance(letter, Answer):
                with suppress(ProtocolError):
                    self.answer = assembly.add(letter) or self.answer

    def _open(self, mail: Mail) -> object:
        """A letter; what nobody with the link wrote is passed over."""
        try:
            return parse_letter(mail.step, self.knocker.invitation.open(mail.step, mail.sealed))
        except ProtocolError:
            return None


def _spoken(seconds: int) -> str:
    """A span of time for people."""
    for unit, size in (("day", 24 * 3600), ("hour", 3600)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return f"{seconds // 60} minutes"
