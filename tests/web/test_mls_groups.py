"""The web client's MLS and Python's in the same groups: random commits, everybody compared after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from web.driver import Change, Member, MemberProcess, PythonMember, Refused, Said, Sent

IN_CI = 100
LONG = 1000
LARGEST = 12
OF_EACH = 4
STEPS_IN_CI = 40
STEPS = 500
SKIPPED = 4096


@pytest.fixture(scope="module")
def node() -> Iterator[MemberProcess]:
    with MemberProcess() as process:
        yield process


class Room:
    """A group of both kinds of member. One seed decides everything but the keys."""

    def __init__(self, node: MemberProcess, suite: int, seed: int) -> None:
        self.node, self.suite = node, suite
        self.random = Random(seed)
        self.happened: Counter[str] = Counter()
        self.members: list[Member] = [self.newcomer("web" if seed % 2 else "Python")]
        self.members[0].create(self.random.randbytes(16))

    def newcomer(self, kind: str | None = None) -> Member:
        chosen = kind or self.random.choice(("web", "Python"))
        return self.node.member(self.suite) if chosen == "web" else PythonMember(self.suite)

    def step(self) -> None:
        """One commit, and what surrounds it."""
        committer, *others = self.random.sample(self.members, len(self.members))
        grows = len(self.members) < 4 or (len(self.members) < LARGEST and self.random.random() < 0.45)
        coming = [self.newcomer() for _ in range(self.random.randint(1, 3))] if grows else []
        shrinks = len(self.members) > 4 and self.random.random() < 0.4
        going = others[: self.random.randint(1, 2)] if shrinks else []
        if others and self.random.random() < 0.2:  # a rival's commit is refused by the server
            others[-1].commit([], [], b"rival")
            others[-1].discard()
            self.happened["lost races"] += 1
        if self.random.random() < 0.2:  # and now and then a member's own
            committer.commit([], [], b"first try")
            committer.discard()
            self.happened["second tries"] += 1
        self.commit(committer, coming, going)
        self.compare()
        self.talk()
        for member in self.members:
            if self.random.random() < 0.15:
                member.reload()
                self.happened["reloads"] += 1

    def commit(self, committer: Member, coming: list[Member], going: list[Member]) -> None:
        packages = [member.key_package() for member in coming]
        leaves = {identity: leaf for leaf, identity, _ in committer.summary("x", b"", 1).members}
        remove = [leaves[member.keys.credential().encode()] for member in going]
        data = self.random.randbytes(self.random.choice((0, 112)))
        sent = committer.commit([message for message, _ in packages], remove, data)
        seen = [
            change
            for member in self.members
            if member is not committer and member not in going
            for change in [member.receive(sent.message)]
        ]
        self.agree(sent, seen, data, packages)
        for member in going:
            change = member.receive(sent.message)
            assert isinstance(change, Change)
            assert sorted(leaf for leaf, _, _ in change.removed) == sorted(remove)
            with pytest.raises((Refused, AssertionError)):
                member.receive(sent.message)
        committer.merge()
        for member in coming:
            assert sent.welcome is not None
            assert sent.tree is not None
            member.join(sent.welcome, sent.tree)
        self.members = [member for member in self.members if member not in going] + coming
        self.happened[f"commits by {committer.kind}"] += 1
        self.happened["adds"] += len(coming)
        self.happened["removes"] += len(going)

    def agree(
        self, sent: Sent, seen: list[Said | Change], data: bytes, packages: list[tuple[bytes, bytes]]
    ) -> None:
        """Everybody sees the same change, and it is the one that was wished for."""
        changes = seen if sent.change is None else [sent.change, *seen]
        for change in changes:
            assert isinstance(change, Change)
            assert change == changes[0]
            assert change.data == data
            assert sorted(reference for *_, reference in change.added) == sorted(ref for _, ref in packages)

    def compare(self) -> None:
        label, context, size = f"label {self.random.random()}", self.random.randbytes(9), 32
        summaries = [member.summary(label, context, size) for member in self.members]
        for member, summary in zip(self.members, summaries, strict=True):
            assert summary == summaries[0], f"{member.kind} and {self.members[0].kind} differ"
        identities = sorted(member.keys.credential().encode() for member in self.members)
        assert sorted(identity for _, identity, _ in summaries[0].members) == identities

    def talk(self) -> None:
        sender, *others = self.random.sample(self.members, len(self.members))
        said = [self.random.randbytes(self.random.choice((0, 1, 300))) for _ in range(3)]
        messages = [sender.encrypt(one) for one in said]
        leaves = {identity: leaf for leaf, identity, _ in sender.summary("x", b"", 1).members}
        leaf = leaves[sender.keys.credential().encode()]
        for member in others:
            first = self.random.randint(0, 2)  # what comes before may never come
            for at in range(first, 3):
                assert member.receive(messages[at]) == Said(leaf, said[at])
                self.happened[f"messages from {sender.kind} to {member.kind}"] += 1
            with pytest.raises(Refused):
                member.receive(messages[first])


class FourAndFour(Room):
    """Four members of each kind: who goes is replaced by somebody of the same kind."""

    EMPTYING = ("left half", "right half", "all others")
    """Who goes in every tenth step: a half of the tree (the root is blank then), or all but the committer."""

    def __init__(self, node: MemberProcess, suite: int, seed: int) -> None:
        super().__init__(node, suite, seed)
        self.steps = 0
        self.refill()

    def step(self) -> None:
        """Messages, a new path, somebody replaced, or many gone at once; all agree after each."""
        self.steps += 1
        if self.steps % 10 == 0:
            self.empty(self.EMPTYING[self.steps // 10 % len(self.EMPTYING)])
        elif (chosen := self.random.random()) < 0.3:
            self.commit(self.random.choice(self.members), [], [])
            self.happened["paths"] += 1
        elif chosen < 0.6:
            committer, *others = self.random.sample(self.members, len(self.members))
            going = others[: self.random.randint(1, 2)]
            self.commit(committer, [self.newcomer(one.kind) for one in going], going)
            self.happened["replaced"] += len(going)
        self.compare()
        self.talk()
        for member in self.random.sample(self.members, 2):
            member.reload()
            self.happened["reloads"] += 1

    def empty(self, which: str) -> None:
        """One commit that takes many away, a message of who is left, and the room is full again."""
        committer = self.random.choice(self.members)
        leaves = {identity: leaf for leaf, identity, _ in committer.summary("x", b"", 1).members}
        middle = 1 << (max(leaves.values()).bit_length() - 1)
        halves: dict[bool, list[Member]] = {True: [], False: []}
        for member in self.members:
            halves[leaves[member.keys.credential().encode()] < middle].append(member)
        if which == "all others":
            going = [member for member in self.members if member is not committer]
        else:
            going = halves[which == "left half"]
            committer = self.random.choice(halves[which != "left half"])
        self.commit(committer, [], going)
        self.happened[f"{which} went, by {committer.kind}"] += 1
        self.compare()
        if len(self.members) > 1:
            self.talk()
        self.refill()

    def refill(self) -> None:
        """Four of each kind, let in by one commit."""
        kinds = Counter(member.kind for member in self.members)
        coming = [self.newcomer(kind) for kind in ("web", "Python") for _ in range(OF_EACH - kinds[kind])]
        self.random.shuffle(coming)
        self.commit(self.random.choice(self.members), coming, [])


@pytest.mark.parametrize("suite", [1, 83])
def test_four_of_each(node: MemberProcess, suite: int, long_form: bool, seed: int) -> None:
    room = FourAndFour(node, suite, seed)
    for _ in range(STEPS if long_form else STEPS_IN_CI):
        room.step()
    happened = set(room.happened)
    assert {"paths", "replaced", "reloads", "commits by web", "commits by Python"} <= happened, happened
    for which in FourAndFour.EMPTYING:
        assert any(one.startswith(f"{which} went") for one in happened), happened


@pytest.mark.parametrize("suite", [1, 83])
def test_random_groups(node: MemberProcess, suite: int, long_form: bool, seed: int) -> None:
    room = Room(node, suite, seed)
    for _ in range(LONG if long_form else IN_CI):
        room.step()
    kinds = ("web", "Python")
    expected = {f"messages from {one} to {other}" for one in kinds for other in kinds}
    expected |= {"commits by web", "commits by Python", "adds", "removes", "reloads", "second tries"}
    assert expected <= set(room.happened), dict(room.happened)


@pytest.mark.parametrize("suite", [1, 83])
def test_messages_that_were_skipped_can_be_read_later(node: MemberProcess, suite: int) -> None:
    """As many as may be, once as they were skipped, once from storage, and no more than once."""
    sender, reader = PythonMember(suite), node.member(suite)
    sender.create(b"skipped messages")
    sent = sender.commit([reader.key_package()[0]], [], b"")
    sender.merge()
    assert sent.welcome is not None
    assert sent.tree is not None
    reader.join(sent.welcome, sent.tree)
    messages = [sender.encrypt(str(number).encode()) for number in range(2 * SKIPPED + 2)]
    for number in (SKIPPED, 0, SKIPPED - 1, 2 * SKIPPED, 2 * SKIPPED + 1, SKIPPED + 2):
        assert reader.receive(messages[number]) == Said(0, str(number).encode())
        with pytest.raises(Refused):
            reader.receive(messages[number])
        reader.reload()
        with pytest.raises(Refused):
            reader.receive(messages[number])
    with pytest.raises(Refused, match="in the past"):
        reader.receive(messages[1])  # the newest are kept


def test_the_repair_is_in_place(node: MemberProcess) -> None:
    """m0 adds m1 and m2, then m3 and m4; m1 removes m2, adds m5 and m6: as published, m5 cannot join."""
    m0, m1, m2, m3, m4, m5, m6 = (node.member(1) for _ in range(7))
    room = Room.__new__(Room)
    room.random, room.happened, room.members = Random(0), Counter(), [m0]
    m0.create(b"unmerged leaves!")
    room.commit(m0, [m1, m2], [])
    room.commit(m0, [m3, m4], [])
    room.commit(m1, [], [m2])
    room.commit(m1, [m5, m6], [])
    room.compare()
    assert m5.summary("x", b"", 1).epoch == 4
