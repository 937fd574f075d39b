"""Who is in the play: rooms of honest members and Mallory, and what an attack must leave behind.

States are immutable, so a room that is built once serves every test: Mallory is one of its
members and owes her knowledge to nothing but her own state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from backchannel_mls import (
    ApplicationReceived,
    BasicCredential,
    Capabilities,
    Extension,
    GroupState,
    Identity,
    KeyPackageBundle,
    ProposalReceived,
    Received,
    RemoteError,
    Rule,
    StagedCommit,
    create_commit,
    create_group,
    create_key_package,
    encrypt,
    join_group,
    load_state,
    merge_commit,
    propose,
    receive,
    records,
)

NOW_S = 1_800_000_000
GROUP_ID = b"a room in which somebody is hostile"
SUITE = 1
RARE_EXTENSION = 0xF0F0
"""An extension type that the members of the usual room support and `plain` clients do not."""
MEMBERS = ("alice", "bob", "carol", "mallory")

RICH = Capabilities((1,), (1, 3), (RARE_EXTENSION,), (), (1, 2))
PLAIN = Capabilities((1,), (1,), (), (), (1,))


def client(
    name: str,
    *,
    suite: int = SUITE,
    capabilities: Capabilities = RICH,
    extensions: Sequence[Extension] = (),
) -> Identity:
    """A new client with keys of its own."""
    listed = capabilities if suite in capabilities.cipher_suites else replace(RICH, cipher_suites=(suite,))
    return Identity.generate(
        suite, BasicCredential(name.encode()), capabilities=listed, extensions=extensions
    )


def bundle(who: Identity | str) -> KeyPackageBundle:
    """An honest key package, of a client or of a new client of that name."""
    return create_key_package(client(who) if isinstance(who, str) else who, now_s=NOW_S)


@dataclass(frozen=True)
class Room:
    """The states of a room's members, all in one epoch."""

    states: Mapping[str, GroupState]

    def __getitem__(self, name: str) -> GroupState:
        return self.states[name]

    def others(self, name: str) -> list[str]:
        """Everybody but one."""
        return [other for other in self.states if other != name]

    def commit(
        self, committer: str, *, joiners: Mapping[str, KeyPackageBundle] | None = None, **how: Any
    ) -> Room:
        """An honest commit, processed by all; `joiners` are added and join."""
        joiners = joiners or {}
        before = self.states[committer]
        packages = [one.key_package for one in joiners.values()]
        pending = create_commit(before, add=packages, now_s=NOW_S, **how)
        following = {committer: merge_commit(pending.staged, pending.sender_state)}
        for name in self.others(committer):
            staged = receive(self.states[name], pending.message, now_s=NOW_S)
            assert isinstance(staged, StagedCommit)
            if not staged.self_removed:
                following[name] = merge_commit(staged, self.states[name])
        for name, one in joiners.items():
            assert pending.welcome is not None
            following[name] = join_group(one, pending.welcome)
        order = [name for name in (*self.states, *joiners) if name in following]
        return agreeing(Room({name: following[name] for name in order}))

    def hear(self, speaker: str, message: bytes) -> Room:
        """All others take a proposal."""
        heard = dict(self.states)
        for name in self.others(speaker):
            received = receive(self.states[name], message, now_s=NOW_S)
            assert isinstance(received, ProposalReceived)
            heard[name] = received.state
        return Room(heard)

    def propose(self, speaker: str, proposal: Any, **how: Any) -> Room:
        """An honest proposal, kept by all."""
        sent = propose(self.states[speaker], proposal, now_s=NOW_S, **how)
        return Room({**self.states, speaker: sent.state}).hear(speaker, sent.message)


def agreeing(room: Room) -> Room:
    """The room, once its members were seen to agree."""
    assert len({state.epoch_authenticator for state in room.states.values()}) == 1
    return room


def build_room(
    names: Sequence[str],
    *,
    suite: int = SUITE,
    extensions: Sequence[Extension] = (),
    group_id: bytes = GROUP_ID,
    settled: bool = True,
) -> Room:
    """A room of these; `settled`: each has committed once, so that no node is blank or unmerged."""
    first, *rest = names
    creator = client(first, suite=suite)
    room = Room({first: create_group(creator, group_id=group_id, now_s=NOW_S, extensions=extensions)})
    if rest:
        room = room.commit(first, joiners={name: bundle(client(name, suite=suite)) for name in rest})
    if settled:
        for name in names:
            room = room.commit(name)
    return room


@cache
def usual_room(suite: int = SUITE) -> Room:
    """alice, bob, carol and mallory, at the leaves 0 to 3 of a full tree."""
    return build_room(MEMBERS, suite=suite)


@cache
def rare_room() -> Room:
    """The usual room, with a GroupContext extension that few clients support."""
    return build_room(MEMBERS, extensions=[Extension(RARE_EXTENSION, b"")])


@cache
def other_room() -> Room:
    """Another group of as many members, in the same epoch."""
    return build_room(MEMBERS, group_id=b"another room")


@contextmanager
def refused(rule: Rule, *states: GroupState) -> Iterator[None]:
    """What happens inside is refused for exactly that rule, and changes none of the states."""
    before = [records(state) for state in states]
    with pytest.raises(RemoteError) as error:
        yield
    assert error.value.rule is rule
    assert error.value.code == rule.code
    assert [records(state) for state in states] == before


def refuses(
    rule: Rule, state: GroupState, message: bytes, *, honest: bytes | None = None, **how: Any
) -> None:
    """`state` refuses a message for that rule, and takes the honest version of it afterwards."""
    how.setdefault("now_s", NOW_S)
    with refused(rule, state):
        receive(state, message, **how)
    if honest is not None:
        receive(state, honest, **how)
    assert_whole(state)


def everybody_refuses(
    rule: Rule, room: Room, message: bytes, *, honest: bytes | None = None, but: str = "mallory", **how: Any
) -> None:
    """All members but the attacker refuse a message for that rule, and the room goes on."""
    for name in room.others(but):
        refuses(rule, room[name], message, honest=honest, **how)
    assert_goes_on(room)


def assert_whole(state: GroupState) -> None:
    """The state is still one that can be stored and loaded."""
    stored = records(state)
    assert records(load_state(stored)) == stored


def assert_goes_on(room: Room) -> None:
    """The honest rest of the conversation: a commit that all take, and a message that all read."""
    speaker = next(name for name in room.states if name != "mallory")
    settled = Room({name: replace(state, proposals={}) for name, state in room.states.items()})
    later = settled.commit(speaker)
    sent = encrypt(later[speaker], b"still here")
    for name in later.others(speaker):
        assert read(later[name], sent.message).data == b"still here"


def read(state: GroupState, message: bytes) -> ApplicationReceived:
    """Application data, received."""
    received = receive(state, message)
    assert isinstance(received, ApplicationReceived)
    return received


def after(state: GroupState, message: bytes, **how: Any) -> GroupState:
    """The state after a commit, received and merged."""
    return merge_commit(stage(state, message, **how), state)


def stage(state: GroupState, message: bytes, **how: Any) -> StagedCommit:
    """A commit, received."""
    how.setdefault("now_s", NOW_S)
    received: Received = receive(state, message, **how)
    assert isinstance(received, StagedCommit)
    return received
