"""One member twice, Python's and the web client's, with the same keys at one leaf: both must judge alike."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import backchannel_mls as mls
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import POLICY, SETTINGS
from web.driver import Json, MemberProcess, Said, change_in, change_of, text

NOW_S: Final = 1_800_000_000
"""When everything is made and judged, the kits of tests/attack having the same."""


@dataclass(frozen=True)
class Verdict:
    """`taken`: what a member learns, and the epoch that it is in then. None where it refuses, and `why`."""

    taken: tuple[object, ...] | None
    why: str = field(default="", compare=False)


class Fault(Exception):
    """The web client threw what is no refusal."""


class Twins:
    """They judge and stay as they are, so that each case begins where the last one did."""

    def __init__(self, node: MemberProcess, suite: int) -> None:
        self.keys = SeatKeys.generate(suite)
        self.bundle = self.keys.key_package(NOW_S)
        self._node = node
        self._web = node.member(suite)
        self._state: mls.GroupState | None = None
        node.ask(
            "adopt",
            member=self._web.name,
            message=text(self.bundle.message),
            initKey=text(self.bundle.init_private),
            encryptionKey=text(self.bundle.encryption_private),
            signatureKey=text(self.keys.leaf_key),
        )

    @property
    def suite(self) -> int:
        return self.keys.suite

    @property
    def state(self) -> mls.GroupState:
        """Python's."""
        assert self._state is not None
        return self._state

    def join(self, welcome: bytes, tree: bytes) -> None:
        self._state = join(self.bundle, welcome, tree)
        self._web.join(welcome, tree)

    def take(self, message: bytes) -> None:
        """A commit that is taken for good."""
        received = mls.receive(self.state, message, policy=POLICY, now_s=NOW_S)
        assert isinstance(received, mls.StagedCommit)
        self._state = mls.merge_commit(received, self.state)
        self._web.receive(message, NOW_S)

    # ---- both verdicts, of Python and of the web client
    def judge(self, messages: Sequence[bytes]) -> list[tuple[Verdict, Verdict]]:
        words = {"messages": [text(one) for one in messages], "nowS": NOW_S}
        told = self._node.ask("judge", member=self._web.name, **words)
        ours = [verdict(partial(self._received, one)) for one in messages]
        return list(zip(ours, [verdict_of(one, received_of) for one in told["verdicts"]], strict=True))

    def judge_welcomes(self, welcomes: Sequence[tuple[bytes, bytes]]) -> list[tuple[Verdict, Verdict]]:
        words = [[text(welcome), text(tree)] for welcome, tree in welcomes]
        told = self._node.ask("judgeWelcomes", member=self._web.name, welcomes=words)
        ours = [verdict(partial(self._joined, *one)) for one in welcomes]
        return list(zip(ours, [verdict_of(one, joined_of) for one in told["verdicts"]], strict=True))

    def judge_packages(self, packages: Sequence[bytes]) -> list[tuple[Verdict, Verdict]]:
        words = {"packages": [text(one) for one in packages], "nowS": NOW_S}
        told = self._node.ask("judgePackages", **words)
        ours = [verdict(partial(self._verified, one)) for one in packages]
        return list(zip(ours, [verdict_of(one, verified_of) for one in told["verdicts"]], strict=True))

    # ---- Python's
    def _received(self, message: bytes) -> tuple[object, ...]:
        received = mls.receive(self.state, message, policy=POLICY, now_s=NOW_S)
        if isinstance(received, mls.ApplicationReceived):
            return (Said(received.sender, received.data),)
        assert isinstance(received, mls.StagedCommit)
        change = change_in(received.effect, self.suite)
        if received.self_removed:
            return change, None
        after = mls.merge_commit(received, self.state)
        return change, after.epoch_authenticator

    def _joined(self, welcome: bytes, tree: bytes) -> tuple[object, ...]:
        state = join(self.bundle, welcome, tree)
        return (state.epoch_authenticator,)

    def _verified(self, package: bytes) -> tuple[object, ...]:
        verified = mls.verify_key_package(package, self.suite, now_s=NOW_S, policy=POLICY).key_package
        credential = verified.leaf_node.credential
        assert isinstance(credential, mls.BasicCredential)
        return credential.identity, verified.reference(mls.cipher_suite(self.suite))


def join(bundle: mls.KeyPackageBundle, welcome: bytes, tree: bytes) -> mls.GroupState:
    return mls.join_group(bundle, welcome, ratchet_tree=tree, policy=POLICY, settings=SETTINGS)


def verdict(judge: Callable[[], tuple[object, ...]]) -> Verdict:
    try:
        return Verdict(judge())
    except mls.MlsError as refused:
        return Verdict(None, str(refused))


def verdict_of(told: Json, taken: Callable[[Json], tuple[object, ...]]) -> Verdict:
    if "fault" in told:
        raise Fault(told["fault"])
    return Verdict(None, told["refused"]) if "refused" in told else Verdict(taken(told))


# ---- the web client's
def received_of(told: Json) -> tuple[object, ...]:
    if told["kind"] == "application":
        return (Said(told["sender"], b64decode(told["data"])),)
    authenticator = told.get("authenticator")
    return change_of(told), authenticator and b64decode(authenticator)


def joined_of(told: Json) -> tuple[object, ...]:
    return (b64decode(told["authenticator"]),)


def verified_of(told: Json) -> tuple[object, ...]:
    return b64decode(told["identity"]), b64decode(told["reference"])
