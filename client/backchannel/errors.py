"""Errors of the client: a stable code, and a sentence that says what to do."""

from __future__ import annotations


class BackchannelError(Exception):
    """What a person or a program is told."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class ProfileError(BackchannelError):
    """The profile cannot be opened or read."""


class ServerUnreachable(BackchannelError):
    """The server does not answer; what waits goes by itself when it does."""

    def __init__(
        self, sentence: str = "The server does not answer. What waits is sent when it does."
    ) -> None:
        super().__init__("server-unreachable", sentence)


class ServerRefused(BackchannelError):
    """The server refuses, with a code of PROTOCOL.md section 14; when to ask again, where it says so."""

    def __init__(self, code: str, sentence: str, retry_after_s: int | None = None) -> None:
        super().__init__(code, sentence)
        self.retry_after_s = retry_after_s


class NotAllowed(BackchannelError):
    """The room's state does not allow what was asked."""


class Stopped(BackchannelError):
    """Something is wrong that nobody may paper over: this room stops here."""
