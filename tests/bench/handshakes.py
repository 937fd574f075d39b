"""Commits, Welcomes and joining: milliseconds and bytes, at one room size.

A transition is pure, so it can be repeated from one state. Key packages, commits and Welcomes are given as
bytes: parsing and verifying them counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backchannel_mls import (
    GroupState,
    KeyPackageBundle,
    PendingCommit,
    create_commit,
    join_group,
    receive,
)
from bench.measure import Contestant, Race, race, repeating, settle
from bench.rooms import Room


@dataclass(frozen=True)
class Commits:
    """One kind of commit: making it (with its Welcome), processing it at another member, its bytes."""

    create_ms: float
    process_ms: float
    commit_bytes: int
    welcome_bytes: int | None


@dataclass(frozen=True)
class HandshakeFigures:
    """One suite, one room. The tree is beside the Welcome, but for `add_tree_in_welcome`."""

    rounds: int
    operations_per_round: int
    parent_nodes: int
    parent_nodes_not_blank: int
    add: Commits
    add_tree_in_welcome: Commits
    add_with_path: Commits
    remove: Commits
    path_alone: Commits
    join_tree_beside_ms: float
    join_tree_in_welcome_ms: float
    join_with_path_ms: float
    """Tree beside; the adding commit had a path, so the Welcome brings a path secret."""
    ratchet_tree_bytes: int


def measure_handshakes(room: Room, *, rounds: int, per_round: int) -> HandshakeFigures:
    """Alice commits, Bob processes, a stranger joins."""
    stranger = room.stranger()
    package = stranger.message
    alice, bob, now_s = room.alice, room.bob, room.now_s
    someone = len(room.identities) // 2
    if someone in (alice.own_leaf, bob.own_leaf):
        raise ValueError("a room to measure handshakes in has at least three members")
    makers: dict[str, Callable[[], PendingCommit]] = {
        "add": lambda: create_commit(alice, add=[package], tree_in_welcome=False, now_s=now_s),
        "add_tree_in_welcome": lambda: create_commit(alice, add=[package], now_s=now_s),
        "add_with_path": lambda: create_commit(
            alice, add=[package], force_path=True, tree_in_welcome=False, now_s=now_s
        ),
        "remove": lambda: create_commit(alice, remove=[someone]),
        "path_alone": lambda: create_commit(alice, force_path=True),
    }
    made = {name: make() for name, make in makers.items()}
    contestants = {f"create {name}": repeating(make) for name, make in makers.items()}
    for name, commit in made.items():
        contestants[f"process {name}"] = _processing(bob, commit)
        if commit.welcome is not None:
            contestants[f"join {name}"] = _joining(stranger, commit, beside=name != "add_tree_in_welcome")
    settle()
    result = race(contestants, rounds=rounds, per_round=per_round)
    parents = alice.tree.nodes[1::2]
    return HandshakeFigures(
        rounds,
        per_round,
        len(parents),
        sum(node is not None for node in parents),
        **{name: _commits(result, name, commit) for name, commit in made.items()},
        join_tree_beside_ms=result.median_ms("join add"),
        join_tree_in_welcome_ms=result.median_ms("join add_tree_in_welcome"),
        join_with_path_ms=result.median_ms("join add_with_path"),
        ratchet_tree_bytes=len(made["add"].ratchet_tree),
    )


def _processing(state: GroupState, commit: PendingCommit) -> Contestant:
    message = commit.message
    return repeating(lambda: receive(state, message))


def _joining(joiner: KeyPackageBundle, commit: PendingCommit, *, beside: bool) -> Contestant:
    welcome, tree = commit.welcome or b"", commit.ratchet_tree if beside else None
    return repeating(lambda: join_group(joiner, welcome, ratchet_tree=tree))


def _commits(result: Race, name: str, commit: PendingCommit) -> Commits:
    return Commits(
        result.median_ms(f"create {name}"),
        result.median_ms(f"process {name}"),
        len(commit.message),
        None if commit.welcome is None else len(commit.welcome),
    )
