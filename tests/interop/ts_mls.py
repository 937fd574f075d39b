"""ts-mls 1.6.4 (npm) as an oracle: a Node process that holds a pool of members, and a `Member` for each.

What there is to know about ts-mls 1.6.4, seen in its source and in mixed groups:

* Handshakes: PrivateMessage or PublicMessage, as the caller says; it accepts both. Application messages are
  padded to 256 bytes.
* Suites that interoperate: 1, 3 and 83, its private number of the X-Wing hybrid. In 2, 5 and 7 it puts
  compressed points into leaves as signature keys, where RFC 9420 section 5.1.1 asks for uncompressed ones.
* Basic and X.509 credentials. Its capabilities list its private cipher suites and, each with a chance of a
  tenth, GREASE values (RFC 9420 section 13.5) among suites, extensions, proposals and credentials.
* `defaultLifetime` runs to 2⁶³-1: the oracle makes KeyPackages that began an hour ago and end in 28 days.
  It judges a lifetime only when it adds a member itself, never when it receives an Add or joins.
* A commit carries a path only where it has no proposals, or an Update or a Remove among them: never on
  demand. It always commits every cached proposal, its own too.
* It sends no Update proposals (the new private key would have nowhere to go), but commits those of others.
* The state after a commit is complete when the commit is made: what is read between then and its adoption is
  forgotten by adopting it, and can be read again. The oracle refuses to read in between.
* It refuses to encrypt while proposals are waiting to be committed.
* Out of order: 10 skipped generations a sender and 4 past epochs are kept by default; the oracle sets the
  forward limit to 4096.
* A member that has processed its own removal keeps the old epoch, inactive. As published it does not notice
  it where the same commit gives its leaf to a newcomer, and throws an InternalError ("No overlap between
  provided private keys …").
* It is repaired at load time (client/web/build/ts_mls_repair.mjs): as published it cannot join trees with
  unmerged leaves that ordinary rooms produce. test_repair.py shows both.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import subprocess
import tempfile
import threading
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, TypeAlias

import toolchain
from interop.member import Abilities, Outgoing, Refused, RosterEntry

FOLDER: Final = Path(__file__).parent / "tsmls"
REPAIR: Final = Path(__file__).parents[2] / "client" / "web" / "build"
"""Where ts_mls_repair.mjs lies, which the web client is built with."""
ANSWER_TIMEOUT_S: Final = 60
EXIT_TIMEOUT_S: Final = 10

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Answer: TypeAlias = "dict[str, Json]"


class OracleFailed(RuntimeError):
    """The Node process died, hung or spoke nonsense: the test's machinery failed, no member refused."""


class TsMlsOracle:
    """The Node process; `with` ends it. Not for use by several threads at once."""

    def __init__(self, *, repaired: bool = True) -> None:
        """Starts it, with ts-mls as repaired or as published. Expects `npm ci` to have been run in tsmls/."""
        hook = ["--import", (REPAIR / "ts_mls_repair_hook.mjs").as_uri()] if repaired else []
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self._process = subprocess.Popen(
            [str(toolchain.node()), *hook, "oracle.mjs"],
            cwd=FOLDER,
            env=toolchain.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # a thread, since waiting for a pipe with a time limit is not possible everywhere
        self._pump = threading.Thread(target=self._read_lines, daemon=True, name="ts-mls answers")
        self._pump.start()
        self._ids = itertools.count()
        self._names = itertools.count()
        try:
            hello = self.ask("hello")
            if hello != {"version": "1.6.4", "repaired": repaired}:
                raise OracleFailed(f"asked for ts-mls 1.6.4 with repaired={repaired}, found {hello}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> TsMlsOracle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process and waits for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # where it died with a request unread
            self._process.stdin.close()
        try:
            self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pump.join()
        self._process.stdout.close()
        self._errors.close()

    def member(
        self, suite: int, identity: bytes, *, tree_in_welcome: bool = False, public_handshakes: bool = False
    ) -> TsMlsMember:
        """A new member; `public_handshakes` sends its handshakes as PublicMessage."""
        member = TsMlsMember(self, f"m{next(self._names)}", suite, identity)
        member.tree_in_welcome = tree_in_welcome
        member.public_handshakes = public_handshakes
        return member

    def ask(self, operation: str, **arguments: Json) -> Answer:
        """One request and its answer; raises Refused where ts-mls throws, OracleFailed where Node fails."""
        number = next(self._ids)
        assert self._process.stdin is not None
        try:
            request = json.dumps({"id": number, "op": operation, **arguments})
            self._process.stdin.write(request.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._failure(f"cannot be asked to {operation}") from error
        answer = self._read_answer(number, operation)
        if "error" in answer:
            match answer["error"]:
                case {"name": str(name), "message": str(message)}:
                    raise Refused(f"ts-mls {operation}: {name}: {message}")
        match answer:
            case {"result": dict(result)}:
                return result
        raise self._failure(f"answered {operation} with {answer!r:.200}")

    def _read_answer(self, number: int, operation: str) -> Answer:
        try:
            line = self._lines.get(timeout=ANSWER_TIMEOUT_S)
        except queue.Empty:
            self._process.kill()
            raise self._failure(f"did not answer {operation} within {ANSWER_TIMEOUT_S} s") from None
        if not line:
            self._lines.put(b"")  # for the next who asks
            raise self._failure(f"died before answering {operation}")
        try:
            answer: Json = json.loads(line)
        except ValueError as error:
            raise self._failure(f"answered {operation} with {line[:200]!r}") from error
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise self._failure(f"answered {operation} out of turn")
        return answer

    def _failure(self, what: str) -> OracleFailed:
        self._errors.seek(0)
        said = "\n".join(self._errors.read().decode(errors="replace").splitlines()[-20:])
        return OracleFailed(f"the ts-mls process {what}; exit code {self._process.poll()}; it said:\n{said}")

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")


class TsMlsMember:
    """A member that lives in the Node process."""

    kind = "ts-mls"
    abilities = Abilities(
        proposes=frozenset(("add", "remove")),
        adds_and_removes_at_once=True,
        path_on_demand=False,
        reads_while_committing=False,
    )

    def __init__(self, oracle: TsMlsOracle, name: str, suite: int, identity: bytes) -> None:
        self.identity = identity
        self.tree_in_welcome = False
        self.public_handshakes = False
        self._oracle = oracle
        self._name = name
        self._ask("create", suite=suite, identity=_text(identity))

    def key_package(self) -> bytes:
        return _bytes(self._ask("keyPackage"), "keyPackage")

    def create(self, group_id: bytes) -> None:
        self._ask("createGroup", groupId=_text(group_id))

    def join(self, welcome: bytes, ratchet_tree: bytes | None) -> None:
        tree: dict[str, Json] = {} if ratchet_tree is None else {"ratchetTree": _text(ratchet_tree)}
        self._ask("join", welcome=_text(welcome), **tree)

    def commit(self, add: Sequence[bytes] = (), remove: Sequence[int] = (), path: bool = False) -> Outgoing:
        answer = self._ask(
            "commit",
            add=[_text(each) for each in add],
            remove=list(remove),
            public=self.public_handshakes,
            treeInWelcome=self.tree_in_welcome,
        )
        welcome = _bytes(answer, "welcome") if "welcome" in answer else None
        tree = None if welcome is None or self.tree_in_welcome else _bytes(answer, "ratchetTree")
        return Outgoing(_bytes(answer, "commit"), welcome, tree)

    def merge(self) -> None:
        self._ask("merge")

    def discard(self) -> None:
        self._ask("discard")

    def propose_add(self, key_package: bytes) -> bytes:
        return _bytes(self._ask("propose", add=_text(key_package), public=self.public_handshakes), "message")

    def propose_remove(self, leaf: int) -> bytes:
        return _bytes(self._ask("propose", remove=leaf, public=self.public_handshakes), "message")

    def propose_update(self) -> bytes:
        raise NotImplementedError("ts-mls 1.6.4 keeps no private key for an Update of its own")

    def process(self, message: bytes) -> None:
        if self._ask("process", message=_text(message))["kind"] not in {"commit", "proposal"}:
            raise Refused("ts-mls: not a handshake")

    def encrypt(self, data: bytes) -> bytes:
        return _bytes(self._ask("encrypt", data=_text(data)), "message")

    def decrypt(self, message: bytes) -> bytes:
        answer = self._ask("process", message=_text(message))
        if answer["kind"] != "application":
            raise Refused("ts-mls: not an application message")
        return _bytes(answer, "data")

    def reload(self) -> None:
        self._ask("reload")

    def epoch(self) -> int:
        return int(str(self._ask("summary")["epoch"]))

    def authenticator(self) -> bytes:
        return _bytes(self._ask("summary"), "authenticator")

    def authenticator_without_commit_secret(self, other: TsMlsMember) -> bytes:
        """The other's epoch, computed from the one before and a commit secret of zeros."""
        return _bytes(self._ask("guess", other=other._name), "authenticator")

    def exported(self, label: str, context: bytes, length: int) -> bytes:
        return _bytes(self._ask("exporter", label=label, context=_text(context), length=length), "secret")

    def members(self) -> tuple[RosterEntry, ...]:
        entries = self._ask("summary")["members"]
        assert isinstance(entries, list)
        return tuple(_entry(each) for each in entries)

    def forget(self) -> None:
        self._ask("drop")

    def _ask(self, operation: str, **arguments: Json) -> Answer:
        return self._oracle.ask(operation, member=self._name, **arguments)


def _entry(entry: Json) -> RosterEntry:
    match entry:
        case {"leaf": int(leaf), "identity": str(identity)}:
            return RosterEntry(leaf, b64decode(identity))
    raise OracleFailed(f"not a roster entry: {entry!r}")


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(answer: Answer, field: str) -> bytes:
    value = answer.get(field)
    if not isinstance(value, str):
        raise OracleFailed(f"no {field} in {sorted(answer)}")
    return b64decode(value)
