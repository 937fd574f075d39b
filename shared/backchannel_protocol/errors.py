"""Errors of the protocol: whose fault it is, a stable code, a sentence.

`LocalProtocolError` is our own bug; `RemoteProtocolError` is the peer's fault and ends or refuses
what the peer did. Nothing else comes out of bytes from outside.
"""

from __future__ import annotations

from backchannel_protocol.refusals import Code


class ProtocolError(Exception):
    """`code` for machines, `sentence` for people."""

    def __init__(self, code: Code, sentence: str | None = None) -> None:
        self.code = code
        self.sentence = code.sentence if sentence is None else sentence
        super().__init__(f"{code.value}: {self.sentence}")


class LocalProtocolError(ProtocolError):
    """This side broke the protocol; nothing was sent and nothing changed."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the protocol; nothing changed."""
