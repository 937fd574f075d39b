"""The web client's MLS members in a Node process, and Python's, with one face: to be put into one group."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol, Self

import backchannel_mls as mls
import toolchain
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import POLICY, SETTINGS

WEB: Final = Path(__file__).parents[2] / "client" / "web"
REPAIR_HOOK: Final = WEB / "build" / "ts_mls_repair_hook.mjs"
PADDED_TO: Final = 256

Json = dict[str, Any]
Roster = list[tuple[int, bytes, bytes]]
"""Leaf, identity, signature key of each member."""


class Refused(Exception):
    """A member refused what it was given, and is as before."""


@dataclass(frozen=True)
class Change:
    """What a commit changed, as a member sees it; `renewed` is before and after."""

    committer: int
    data: bytes
    added: list[tuple[int, bytes, bytes, bytes]]
    removed: Roster
    renewed: list[tuple[tuple[int, bytes, bytes], tuple[int, bytes, bytes]]]


@dataclass(frozen=True)
class Sent:
    """A commit of a member's own, not taken yet."""

    message: bytes
    welcome: bytes | None
    tree: bytes | None
    change: Change | None


@dataclass(frozen=True)
class Said:
    """An application message."""

    sender: int
    data: bytes


@dataclass(frozen=True)
class Summary:
    """In what all members of an epoch agree."""

    epoch: int
    authenticator: bytes
    secret: bytes
    members: Roster


class Member(Protocol):
    """One seat, in at most one group."""

    keys: SeatKeys

    @property
    def kind(self) -> str: ...
    def key_package(self) -> tuple[bytes, bytes]: ...
    def create(self, group_id: bytes) -> None: ...
    def join(self, welcome: bytes, tree: bytes) -> None: ...
    def encrypt(self, data: bytes) -> bytes: ...
    def receive(self, message: bytes) -> Said | Change: ...
    def commit(self, add: Sequence[bytes], remove: Sequence[int], data: bytes) -> Sent: ...
    def merge(self) -> None: ...
    def discard(self) -> None: ...
    def reload(self) -> None: ...
    def summary(self, label: str, context: bytes, size: int) -> Summary: ...


class NodeProcess:
    """A program of the web client's tests that answers JSON with JSON, line by line; `with` ends it."""

    def __init__(self, program: str) -> None:
        toolchain.npm_ci(WEB)
        self._process = subprocess.Popen(
            [
                str(toolchain.node()),
                "--experimental-strip-types",
                "--disable-warning=ExperimentalWarning",
                "--import",
                REPAIR_HOOK.as_uri(),
                program,
            ],
            cwd=WEB,
            env=toolchain.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def exchange(self, request: Any) -> Any:
        """One line there, one line back."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the Node process ended"
        return json.loads(line)


class MemberProcess(NodeProcess):
    """tests/driver.ts: a pool of members."""

    def __init__(self) -> None:
        super().__init__("tests/driver.ts")
        self._names = count()

    def ask(self, operation: str, **words: Any) -> Json:
        """One request and its answer. Raises Refused."""
        answer: Json = self.exchange({"op": operation, **words})
        if "error" in answer:
            raise Refused(answer["error"])
        result: Json = answer["result"]
        return result

    def member(self, suite: int) -> WebMember:
        return WebMember(self, f"m{next(self._names)}", SeatKeys.generate(suite))


class WebMember:
    """A member in the Node process."""

    kind = "web"

    def __init__(self, node: MemberProcess, name: str, keys: SeatKeys) -> None:
        self._node, self.name, self.keys = node, name, keys
        identity, leaf_key = keys.credential().encode(), keys.leaf_key
        self._ask("new", suite=keys.suite, identity=text(identity), leafKey=text(leaf_key))

    def key_package(self) -> tuple[bytes, bytes]:
        made = self._ask("keyPackage")
        return b64decode(made["message"]), b64decode(made["reference"])

    def create(self, group_id: bytes) -> None:
        self._ask("create", groupId=text(group_id))

    def join(self, welcome: bytes, tree: bytes) -> None:
        self._ask("join", welcome=text(welcome), tree=text(tree))

    def encrypt(self, data: bytes) -> bytes:
        return b64decode(self._ask("encrypt", data=text(data), paddedTo=PADDED_TO)["message"])

    def receive(self, message: bytes, now_s: int | None = None) -> Said | Change:
        answer = self._ask("receive", message=text(message), nowS=now_s)
        if answer["kind"] == "application":
            return Said(answer["sender"], b64decode(answer["data"]))
        return change_of(answer)

    def commit(self, add: Sequence[bytes], remove: Sequence[int], data: bytes) -> Sent:
        words = {"add": [text(one) for one in add], "remove": list(remove), "data": text(data)}
        made = self._ask("commit", **words)
        welcome, tree = made.get("welcome"), made.get("tree")
        return Sent(
            b64decode(made["message"]),
            welcome and b64decode(welcome),
            tree and b64decode(tree),
            change_of(made),
        )

    def merge(self) -> None:
        self._ask("merge")

    def discard(self) -> None:
        self._ask("discard")

    def reload(self) -> None:
        self._ask("reload")

    def drop(self) -> None:
        self._ask("drop")

    def summary(self, label: str, context: bytes, size: int) -> Summary:
        told = self._ask("summary", label=label, context=text(context), size=size)
        roster = [member_of(one) for one in told["members"]]
        return Summary(told["epoch"], b64decode(told["authenticator"]), b64decode(told["secret"]), roster)

    def _ask(self, operation: str, **words: Any) -> Json:
        return self._node.ask(operation, member=self.name, **words)


class PythonMember:
    """A member of backchannel_mls, with the policy and the settings of the Python client."""

    kind = "Python"

    def __init__(self, suite: int) -> None:
        self.keys = SeatKeys.generate(suite)
        self._bundle: mls.KeyPackageBundle | None = None
        self._state: mls.GroupState | None = None
        self._pending: mls.PendingCommit | None = None

    @property
    def state(self) -> mls.GroupState:
        assert self._state is not None
        return self._state

    def key_package(self) -> tuple[bytes, bytes]:
        self._bundle = self.keys.key_package(now_s())
        package = mls.verify_key_package(self._bundle.message, self.keys.suite, now_s=now_s()).key_package
        return self._bundle.message, package.reference(mls.cipher_suite(self.keys.suite))

    def create(self, group_id: bytes) -> None:
        self._state = mls.create_group(
            self.keys.identity(), group_id=mls.GroupId(group_id), now_s=now_s(), settings=SETTINGS
        )

    def join(self, welcome: bytes, tree: bytes) -> None:
        assert self._bundle is not None
        try:
            self._state = mls.join_group(
                self._bundle, welcome, ratchet_tree=tree, policy=POLICY, settings=SETTINGS
            )
        except mls.MlsError as error:
            raise Refused(str(error)) from error

    def encrypt(self, data: bytes) -> bytes:
        sent = mls.encrypt(self.state, data, padding=PADDED_TO)
        self._state = sent.state
        return sent.message

    def receive(self, message: bytes) -> Said | Change:
        try:
            received = mls.receive(self.state, message, policy=POLICY, now_s=now_s())
        except mls.MlsError as error:
            raise Refused(str(error)) from error
        if isinstance(received, mls.ApplicationReceived):
            self._state = received.state
            return Said(received.sender, received.data)
        assert isinstance(received, mls.StagedCommit)
        self._state = mls.merge_commit(received, self.state)
        return change_in(received.effect, self.keys.suite)

    def commit(self, add: Sequence[bytes], remove: Sequence[int], data: bytes) -> Sent:
        pending = mls.create_commit(
            self.state,
            add=list(add),
            remove=[mls.LeafIndex(leaf) for leaf in remove],
            authenticated_data=data,
            policy=POLICY,
            now_s=now_s(),
        )
        self._state, self._pending = pending.sender_state, pending
        tree = None if pending.welcome is None else pending.ratchet_tree
        return Sent(pending.message, pending.welcome, tree, None)

    def merge(self) -> None:
        assert self._pending is not None
        self._state = mls.merge_commit(self._pending.staged, self.state)
        self._pending = None

    def discard(self) -> None:
        self._pending = None

    def reload(self) -> None:
        self._state = mls.decode_state(mls.encode_state(self.state))

    def summary(self, label: str, context: bytes, size: int) -> Summary:
        secret = self.state.export_secret(label.encode(), context, size)
        roster = [member_in(one.index, one.leaf) for one in self.state.members()]
        return Summary(self.state.epoch, self.state.epoch_authenticator, secret, roster)


def member_in(index: int, leaf: mls.LeafNode) -> tuple[int, bytes, bytes]:
    assert isinstance(leaf.credential, mls.BasicCredential)
    return index, leaf.credential.identity, leaf.signature_key


def change_in(effect: mls.CommitEffect, suite: int) -> Change:
    """What Python says that a commit changed."""
    assert effect.sender.index is not None
    added: list[tuple[int, bytes, bytes, bytes]] = []
    for one in effect.added:
        assert one.key_package is not None
        reference = one.key_package.reference(mls.cipher_suite(suite))
        added.append((*member_in(one.index, one.leaf), reference))
    return Change(
        effect.sender.index,
        effect.authenticated_data,
        added,
        [member_in(one.index, one.leaf) for one in effect.removed],
        [(member_in(one.index, one.old), member_in(one.index, one.new)) for one in effect.updated],
    )


def change_of(told: Json) -> Change:
    return Change(
        told["committer"],
        b64decode(told["data"]),
        [(*member_of(one), b64decode(one["reference"])) for one in told["added"]],
        [member_of(one) for one in told["removed"]],
        [(member_of(before), member_of(after)) for before, after in told["renewed"]],
    )


def member_of(told: Json) -> tuple[int, bytes, bytes]:
    return told["leaf"], b64decode(told["identity"]), b64decode(told["key"])


def text(data: bytes) -> str:
    return b64encode(data).decode()


def now_s() -> int:
    return int(time.time())
