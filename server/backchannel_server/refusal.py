"""A refusal: a code of PROTOCOL.md section 14, the event that caused it, when to try again."""

from __future__ import annotations

from backchannel_protocol.errors import ProtocolError
from backchannel_protocol.frames import Bye, Refused
from backchannel_protocol.refusals import Code


class Refusal(Exception):
    """`cause` is the seq of the event because of which; nothing was changed."""

    def __init__(
        self,
        code: Code,
        *,
        cause: int | None = None,
        retry_after_s: int | None = None,
        sentence: str | None = None,
    ) -> None:
        self.code = code
        self.cause = cause or None
        self.retry_after_s = retry_after_s
        self.sentence = code.sentence if sentence is None else sentence
        super().__init__(code.value)

    @classmethod
    def of(cls, error: ProtocolError) -> Refusal:
        """What the protocol's own checks refuse."""
        return cls(error.code, sentence=error.sentence)

    def frame(self, id_: bytes | None) -> Refused:
        """The answer to a frame about `id_`."""
        return Refused(id_, self.code.value, self.sentence, self.cause, self.retry_after_s)

    def bye(self) -> Bye:
        """The last frame of a connection."""
        return Bye(self.code.value, self.sentence)
