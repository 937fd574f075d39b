"""ts-mls 1.6.4 needs its repair, the repair mends it, and the repair fails loudly on any other text."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import backchannel_mls as mls
import toolchain
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.group import commit_create, messages
from backchannel_mls.wire.leaf_node import Capabilities
from interop.member import Member, Refused
from interop.own import OwnMember
from interop.ts_mls import FOLDER, REPAIR, OracleFailed, TsMlsMember, TsMlsOracle

SUITE = 1
NODE_TIMEOUT_S = 60


def join_after_a_removal(oracle: TsMlsOracle) -> TsMlsMember:
    """m0 adds m1 and m2, then m3 and m4; m1 removes m2, then adds m5 and m6; m5 joins and is returned.

    m1's removal of m2 fills the path above it while m3 and m4 are unmerged below the root.
    """
    members = [oracle.member(SUITE, f"m{number}".encode()) for number in range(7)]
    m0, m1, m2, m3, m4, m5, m6 = members
    m0.create(b"unmerged leaves")

    outgoing = m0.commit(add=[m1.key_package(), m2.key_package()])
    m0.merge()
    assert outgoing.welcome is not None
    for joining in (m1, m2):
        joining.join(outgoing.welcome, outgoing.ratchet_tree)

    outgoing = m0.commit(add=[m3.key_package(), m4.key_package()])
    m0.merge()
    m1.process(outgoing.commit)

    outgoing = m1.commit(remove=[2])
    m1.merge()
    outgoing = m1.commit(add=[m5.key_package(), m6.key_package()])
    m1.merge()
    assert outgoing.welcome is not None
    m5.join(outgoing.welcome, outgoing.ratchet_tree)
    assert m5.authenticator() == m1.authenticator()
    return m5


def test_published_ts_mls_cannot_join_an_ordinary_room(ts_mls_as_published: TsMlsOracle) -> None:
    with pytest.raises(Refused, match="unmerged_leaves"):
        join_after_a_removal(ts_mls_as_published)


def test_repaired_ts_mls_joins_it(ts_mls: TsMlsOracle) -> None:
    m5 = join_after_a_removal(ts_mls)
    assert m5.epoch() == 4
    assert [entry.identity for entry in m5.members()] == [b"m0", b"m1", b"m5", b"m3", b"m4", b"m6"]


def leave_half_the_tree_blank(*members: Member) -> list[bytes | str]:
    """The third of four removes the first two; what the epoch is to those left, or why it is none."""
    first, committer, other = members[0], members[2], members[3]
    first.create(b"a blank root")
    outgoing = first.commit(add=[each.key_package() for each in members[1:]])
    first.merge()
    assert outgoing.welcome is not None
    for joining in members[1:]:
        joining.join(outgoing.welcome, outgoing.ratchet_tree)
    outgoing = committer.commit(remove=[0, 1])
    committer.merge()
    try:
        other.process(outgoing.commit)
    except Refused as refusal:
        return [committer.authenticator(), str(refusal)]
    return [committer.authenticator(), other.authenticator()]


def two_and(*last: Member) -> tuple[Member, ...]:
    return (OwnMember(SUITE, b"m0"), OwnMember(SUITE, b"m1"), *last)


def test_published_ts_mls_agrees_with_nobody_where_the_root_is_blank(
    ts_mls_as_published: TsMlsOracle,
) -> None:
    theirs, ours = ts_mls_as_published.member(SUITE, b"theirs"), OwnMember(SUITE, b"ours")
    for members in (
        two_and(theirs, ours),
        two_and(OwnMember(SUITE, b"m2"), ts_mls_as_published.member(SUITE, b"m3")),
    ):
        _, refusal = leave_half_the_tree_blank(*members)
        assert "confirmation tag" in str(refusal)


def test_repaired_ts_mls_agrees(ts_mls: TsMlsOracle) -> None:
    theirs, ours = ts_mls.member(SUITE, b"theirs"), OwnMember(SUITE, b"ours")
    for members in (two_and(theirs, ours), two_and(OwnMember(SUITE, b"m2"), ts_mls.member(SUITE, b"m3"))):
        one, other = leave_half_the_tree_blank(*members)
        assert one == other


def left_alone(oracle: TsMlsOracle) -> tuple[bytes, bytes]:
    """m0 removes m1, the only other: m0's next epoch, and what m1 computes of it without a commit secret."""
    m0, m1 = (oracle.member(SUITE, identity) for identity in (b"m0", b"m1"))
    m0.create(b"alone")
    outgoing = m0.commit(add=[m1.key_package()])
    m0.merge()
    assert outgoing.welcome is not None
    m1.join(outgoing.welcome, outgoing.ratchet_tree)
    m0.commit(remove=[1])
    m0.merge()
    return m0.authenticator(), m1.authenticator_without_commit_secret(m0)


def test_published_ts_mls_is_read_by_whom_it_removed(ts_mls_as_published: TsMlsOracle) -> None:
    epoch, guessed = left_alone(ts_mls_as_published)
    assert guessed == epoch


def test_repaired_ts_mls_is_not(ts_mls: TsMlsOracle) -> None:
    epoch, guessed = left_alone(ts_mls)
    assert guessed != epoch


def hostile_room(oracle: TsMlsOracle) -> tuple[OwnMember, TsMlsMember]:
    """Four members: one of Python's who may break every rule, and, beside it in the tree, one of ts-mls."""
    hostile, honest = OwnMember(SUITE, b"hostile"), oracle.member(SUITE, b"honest")
    coming: list[Member] = [honest, OwnMember(SUITE, b"third"), OwnMember(SUITE, b"fourth")]
    hostile._private, hostile._tree_in_welcome = True, False
    hostile.create(b"hostile members")
    outgoing = hostile.commit(add=[each.key_package() for each in coming])
    hostile.merge()
    assert outgoing.welcome is not None
    honest.join(outgoing.welcome, outgoing.ratchet_tree)
    return hostile, honest


Breach = Callable[[OwnMember, pytest.MonkeyPatch], bytes]


def path_with_a_foreign_key(level: int) -> Breach:
    """The key of the lowest parent is the first that is derived, the root's the second."""

    def breach(hostile: OwnMember, patch: pytest.MonkeyPatch) -> bytes:
        derive, levels = CipherSuite.derive_key_pair, count()

        def foreign(suite: CipherSuite, secret: bytes) -> tuple[bytes, bytes]:
            private, public = derive(suite, secret)
            return (private, derive(suite, bytes(32))[1]) if next(levels) == level else (private, public)

        patch.setattr(CipherSuite, "derive_key_pair", foreign)
        return hostile.commit(path=True).commit

    return breach


def a_long_length(hostile: OwnMember, patch: pytest.MonkeyPatch) -> bytes:
    altering(patch, messages, lambda body: b"\x80\0\0" + body)
    return hostile.encrypt(b"hello there")


def an_unknown_mark(hostile: OwnMember, patch: pytest.MonkeyPatch) -> bytes:
    altering(patch, commit_create, lambda body: body.removesuffix(b"\0") + b"\2")
    return hostile.commit(add=[OwnMember(SUITE, b"fifth").key_package()]).commit


def long_sender_data(hostile: OwnMember, patch: pytest.MonkeyPatch) -> bytes:
    seal = CipherSuite.aead_seal

    def longer(suite: CipherSuite, key: bytes, nonce: bytes, data: bytes, context: bytes) -> bytes:
        return seal(suite, key, nonce, data + b"\0" if len(data) == 12 else data, context)

    patch.setattr(CipherSuite, "aead_seal", longer)
    return hostile.encrypt(b"hello there")


def altering(patch: pytest.MonkeyPatch, module: ModuleType, alter: Callable[[bytes], bytes]) -> None:
    """What is signed and encrypted from now on is not what the signature is of."""
    encrypt: Any = vars(module)["encrypt_content"]

    def altered(suite: Any, state: Any, own: Any, signed: Any, *rest: Any) -> Any:
        return encrypt(suite, state, own, signed._replace(body=alter(signed.body)), *rest)

    patch.setattr(module, "encrypt_content", altered)


BREACHES: dict[str, tuple[Breach, str]] = {
    "lowest key": (path_with_a_foreign_key(0), "not that of its secret"),
    "topmost key": (path_with_a_foreign_key(1), "not that of its secret"),
    "length": (a_long_length, "shortest form"),
    "optional": (an_unknown_mark, "Could not decode"),
    "sender data": (long_sender_data, "Could not decode senderdata"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_published_ts_mls_takes_what_is_forbidden(
    ts_mls_as_published: TsMlsOracle, breach: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile, honest = hostile_room(ts_mls_as_published)
    honest._ask("process", message=b64encode(BREACHES[breach][0](hostile, monkeypatch)).decode())


@pytest.mark.parametrize("breach", BREACHES)
def test_repaired_ts_mls_refuses_it(
    ts_mls: TsMlsOracle, breach: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile, honest = hostile_room(ts_mls)
    message = BREACHES[breach][0](hostile, monkeypatch)
    with pytest.raises(Refused, match=BREACHES[breach][1]):
        honest._ask("process", message=b64encode(message).decode())


LAWFUL = {
    "a version": (Capabilities((1, 0x0A0A), (SUITE,), (), (), (1,)), "Could not decode"),
    "suites": (Capabilities((1,), (SUITE, *[0x0A0A] * 12_000), (), (), (1,)), "Maximum call stack"),
}
"""What a path's leaf may list, and why ts-mls does not take it as published."""


def commit_listing(hostile: OwnMember, listed: str) -> mls.PendingCommit:
    identity = replace(hostile._keys, capabilities=LAWFUL[listed][0])
    return mls.create_commit(hostile._state, identity=identity)


@pytest.mark.parametrize("listed", LAWFUL)
def test_published_ts_mls_refuses_a_leaf_that_lists(ts_mls_as_published: TsMlsOracle, listed: str) -> None:
    hostile, honest = hostile_room(ts_mls_as_published)
    with pytest.raises(Refused, match=LAWFUL[listed][1]):
        honest.process(commit_listing(hostile, listed).message)


@pytest.mark.parametrize("listed", LAWFUL)
def test_repaired_ts_mls_takes_a_leaf_that_lists(ts_mls: TsMlsOracle, listed: str) -> None:
    hostile, honest = hostile_room(ts_mls)
    pending = commit_listing(hostile, listed)
    honest.process(pending.message)
    honest.reload()
    after = mls.merge_commit(pending.staged, pending.sender_state)
    assert honest.authenticator() == after.epoch_authenticator


SKIPPING = """
    import { ratchetUntil } from "ts-mls/secretTree.js"
    import { deriveTreeSecret } from "ts-mls/crypto/kdf.js"
    import { getCiphersuiteFromName, getCiphersuiteImpl } from "ts-mls"
    const name = "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"
    const cs = await getCiphersuiteImpl(getCiphersuiteFromName(name))
    const secret = cs.rng.randomBytes(32)
    const sort = Array.prototype.sort
    let sorted = 0
    Array.prototype.sort = function (...order) {
      sorted += this.length
      return sort.apply(this, order)
    }
    const [reached] = await ratchetUntil(
      { secret, generation: 0, unusedGenerations: {} },
      100,
      { retainKeysForGenerations: 60, maximumForwardRatchetSteps: 100 },
      process.argv[1] === "repaired" ? cs : cs.kdf,
    )
    const skipped = Object.entries(reached.unusedGenerations)
    const [first, kept] = skipped[0]
    const isSecret = kept.length === cs.kdf.size
    const derived = isSecret ? await deriveTreeSecret(kept, "secret", Number(first), 32, cs.kdf) : kept
    console.log(JSON.stringify({
      generations: [skipped.length, Number(first), reached.generation],
      sizes: [...new Set(skipped.map(([, each]) => each.length))],
      rebuildsTheNext: Buffer.compare(derived, skipped[1][1]) === 0,
      sorted,
    }))
"""
"""One message of a sender passes over 100 others, of which 60 may still be read."""


def skip(*, repaired: bool) -> object:
    hook = ["--import", (REPAIR / "ts_mls_repair_hook.mjs").as_uri()] if repaired else []
    done = run_node(*hook, "--input-type=module", "--eval", SKIPPING, "repaired" if repaired else "published")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_published_ts_mls_keeps_the_secrets_of_skipped_messages(ts_mls_installed: None) -> None:
    assert skip(repaired=False) == {
        "generations": [60, 40, 100],
        "sizes": [32],
        "rebuildsTheNext": True,
        "sorted": 60 + 40 * 61,  # the whole table in each step, once it is full
    }


def test_repaired_ts_mls_keeps_their_keys_and_nonces_only(ts_mls_installed: None) -> None:
    assert skip(repaired=True) == {
        "generations": [60, 40, 100],
        "sizes": [16 + 12],
        "rebuildsTheNext": False,
        "sorted": 100,
    }


@pytest.mark.parametrize(
    "file",
    [
        "clientState.js",
        "privateKeyPath.js",
        "parentHash.js",
        "pathSecrets.js",
        "processMessages.js",
        "createCommit.js",
        "codec/variableLength.js",
        "codec/optional.js",
        "privateMessage.js",
        "capabilities.js",
        "secretTree.js",
        "welcome.js",
    ],
)
@pytest.mark.parametrize(
    "change",
    ["source.replaceAll('e', 'E')", "source + source", "repair(path, source)"],
    ids=["another version", "two matches", "repaired twice"],
)
def test_the_repair_throws_unless_it_matches(ts_mls_installed: None, change: str, file: str) -> None:
    script = f"""
        import {{ readFileSync }} from "node:fs"
        import {{ repair }} from "{(REPAIR / "ts_mls_repair.mjs").as_uri()}"
        const path = "node_modules/ts-mls/dist/src/{file}"
        const source = readFileSync(path, "utf8")
        repair("/" + path, {change})
    """
    done = run_node("--input-type=module", "--eval", script)
    assert done.returncode != 0
    assert "ts-mls 1.6.4 repair: expected exactly" in done.stderr


def test_a_dead_process_is_reported(ts_mls_as_published: TsMlsOracle) -> None:
    ts_mls_as_published._process.kill()
    for _ in range(2):
        with pytest.raises(OracleFailed, match=r"the ts-mls process .*exit code"):
            ts_mls_as_published.member(SUITE, b"too late")


def run_node(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(toolchain.node()), *arguments],
        cwd=folder,
        env=toolchain.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=NODE_TIMEOUT_S,
        check=False,
    )
