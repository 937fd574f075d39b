"""ts-mls 1.6.4 needs its repair, the repair mends it, and the repair fails loudly on any other text."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import toolchain
from interop.member import Refused
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


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("source.replaceAll('arraysEqual(dpNode', 'arraysAlike(dpNode')", 0),
        ("source + source", 2),
        ("repairClientState(source)", 0),
    ],
    ids=["another version", "two matches", "repaired twice"],
)
def test_the_repair_throws_unless_it_matches_once(ts_mls_installed: None, change: str, found: int) -> None:
    script = f"""
        import {{ readFileSync }} from "node:fs"
        import {{ repairClientState }} from "{(REPAIR / "ts_mls_repair.mjs").as_uri()}"
        const source = readFileSync("node_modules/ts-mls/dist/src/clientState.js", "utf8")
        repairClientState({change})
    """
    done = run_node("--input-type=module", "--eval", script)
    assert done.returncode != 0
    assert "expected exactly one match of" in done.stderr
    assert f"found {found}." in done.stderr


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
