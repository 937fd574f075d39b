"""The error tree of backchannel_mls.

`LocalError`: the caller asked for something that its state does not allow (our bug).
`RemoteError`: what came from outside breaks a rule (the peer's fault); the state is unchanged.
`PolicyError`: the application's own policy refused; raised by the application's callables.
"""

from __future__ import annotations

from backchannel_mls.rules import Rule


class MlsError(Exception):
    """A stable `code` for machines and a `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


class LocalError(MlsError):
    """The call does not fit the state or its arguments; nothing was done."""


class RemoteError(MlsError):
    """Input from outside breaks `rule`; nothing was changed."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.code, rule.sentence)
        self.rule = rule


class PolicyError(MlsError):
    """The application's policy refuses what the protocol would allow."""
