"""A random group of members of several implementations, all compared after every commit.

One seed decides everything that this driver decides (the libraries' own keys are random), so that a failure
names the seed and the step at which it happened.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from interop.member import Implementation, Member, Outgoing, ProposalKind, Refused, leaf_of

LARGEST: Final = 14
TARGET: Final = 8
MOST_ADDED: Final = 3
MOST_REMOVED: Final = 2
MOST_PROPOSALS: Final = 4
MOST_MESSAGES: Final = 2
MOST_EPOCHS_LATE: Final = 2
"""Every implementation keeps at least three past epochs."""


@dataclass(frozen=True)
class Summary:
    """What a run came to: how often each thing happened."""

    seed: int
    commits: int
    largest: int
    happened: Counter[str]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.happened.items()))
        return f"seed {self.seed}: {self.commits} commits, up to {self.largest} members; {counts}"


@dataclass(frozen=True)
class Late:
    """An application message that some members have not been given yet."""

    message: bytes
    plaintext: bytes
    sender: Member
    sent_in: int
    missing: list[Member]


@dataclass
class MixedGroup:
    """The group, the people who left it, and the messages still under way."""

    implementations: Sequence[Implementation]
    seed: int
    random: Random = field(init=False)
    members: list[Member] = field(default_factory=list)
    removed: list[Member] = field(default_factory=list)
    """Those whom the latest commit removed."""
    lost: list[bytes] = field(default_factory=list)
    """Commits of this epoch that came second."""
    late: list[Late] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    epoch: int = 0
    largest: int = 1
    identities: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        first = self.newcomer()
        first.create(self.random.randbytes(16))
        self.members.append(first)

    # Who comes in, who acts, and who goes.

    def newcomer(self, coming: Sequence[Member] = ()) -> Member:
        """A new member of a random implementation, preferring those of which the group has none."""
        present = {member.kind for member in (*self.members, *coming)}
        absent = [each for each in self.implementations if each.kind not in present]
        chosen = self.random.choice(absent or self.implementations)
        return chosen.new(f"member {next(self.identities)} of {self.seed}".encode())

    def newcomers(self, at_most: int) -> list[Member]:
        coming: list[Member] = []
        for _ in range(self.random.randint(1, max(1, min(at_most, LARGEST - len(self.members))))):
            coming.append(self.newcomer(coming))
        return coming

    def others(self, *excluded: Member) -> list[Member]:
        """Everyone but these, in random order."""
        rest = [member for member in self.members if not is_among(member, excluded)]
        self.random.shuffle(rest)
        return rest

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    # One commit.

    def step(self) -> None:
        """One commit and all that surrounds it; members are compared at the end."""
        self.random.choices(
            (self.step_add, self.step_remove, self.step_add_and_remove, self.step_path, self.step_proposals),
            weights=self._weights(),
        )[0]()
        self.compare()
        self.talk()
        self.deliver_late()
        for member in self.members:
            if self.chance(0.08):
                member.reload()
                self.happened["reloads"] += 1

    def _weights(self) -> tuple[float, ...]:
        size = len(self.members)
        grows = 0 if size >= LARGEST else 6 if size < TARGET / 2 else 3 if size < TARGET else 1.5
        shrinks = 0 if size < 4 else 1 if size < TARGET else 3
        swaps = 1 if size >= 3 and self.swappers() else 0
        return grows, shrinks, swaps, 2, 2 if size >= 3 else 0

    def swappers(self) -> list[Member]:
        return [each for each in self.members if each.abilities.adds_and_removes_at_once]

    def step_add(self) -> None:
        coming = self.newcomers(MOST_ADDED)
        committer = self.random.choice(self.members)
        path = committer.abilities.path_on_demand and self.chance(0.5)
        self.race(committer)
        outgoing = committer.commit(add=[each.key_package() for each in coming], path=path)
        self.happened["adds"] += len(coming)
        self.settle(committer, outgoing, coming, going=[])

    def step_remove(self) -> None:
        committer, *going = self.others()[: 1 + self.random.randint(1, MOST_REMOVED)]
        self.race(committer, *going)
        outgoing = committer.commit(remove=self.leaves(committer, going))
        self.happened["removes"] += len(going)
        self.settle(committer, outgoing, [], going)

    def step_add_and_remove(self) -> None:
        committer = self.random.choice(self.swappers())
        going = self.others(committer)[:1]
        coming = self.newcomers(2)
        add = [each.key_package() for each in coming]
        outgoing = committer.commit(add=add, remove=self.leaves(committer, going))
        self.happened["adds and removes at once"] += 1
        self.settle(committer, outgoing, coming, going)

    def step_path(self) -> None:
        committer = self.random.choice(self.members)
        self.race(committer)
        outgoing = committer.commit()
        self.happened["path updates"] += 1
        self.settle(committer, outgoing, [], [])

    def step_proposals(self) -> None:
        """Some members propose; another commits all of it by reference."""
        committer, *proposers = self.others()
        coming: list[Member] = []
        going: list[Member] = []
        updating: list[Member] = []
        for proposer in proposers[: self.random.randint(1, MOST_PROPOSALS)]:
            kind = self.random.choice(sorted(proposer.abilities.proposes))
            message = self.proposal(kind, proposer, committer, (coming, going, updating))
            if message is None:
                continue
            self.happened[f"{kind} proposals"] += 1
            for member in self.others(proposer):
                member.process(message)
        outgoing = committer.commit()
        self.settle(committer, outgoing, coming, going, by_reference=True)

    def proposal(
        self,
        kind: ProposalKind,
        proposer: Member,
        committer: Member,
        planned: tuple[list[Member], list[Member], list[Member]],
    ) -> bytes | None:
        """A proposal that fits those planned already: one Update or Remove a leaf, never the committer's."""
        coming, going, updating = planned
        match kind:
            case "add":
                if len(self.members) + len(coming) >= LARGEST:
                    return None
                coming.append(self.newcomer(coming))
                return proposer.propose_add(coming[-1].key_package())
            case "remove":
                free = self.others(committer, *going, *updating)  # itself too: who proposes may ask to leave
                if not free or len(self.members) - len(going) < 4:
                    return None
                going.append(free[0])
                return proposer.propose_remove(leaf_of(proposer.members(), free[0].identity))
            case "update":
                if is_among(proposer, (*going, *updating)):
                    return None
                updating.append(proposer)
                return proposer.propose_update()

    def race(self, committer: Member, *going: Member) -> None:
        """Now and then another member commits too, comes second, and has to drop its commit."""
        rivals = self.others(committer, *going)
        if not rivals or not self.chance(0.15):
            return
        self.lost.append(rivals[0].commit().commit)
        rivals[0].discard()
        self.happened["lost races"] += 1

    def interject(self, committer: Member, going: Sequence[Member]) -> bytes | None:
        """Now and then the committer reads a message before it learns that its commit was taken."""
        speakers = self.others(committer, *going)
        if not speakers or not committer.abilities.reads_while_committing or not self.chance(0.2):
            return None
        message = speakers[0].encrypt(b"meanwhile")
        for member in self.others(speakers[0]):
            assert member.decrypt(message) == b"meanwhile"
        self.happened["messages read while committing"] += 1
        return message

    def leaves(self, committer: Member, going: Sequence[Member]) -> list[int]:
        roster = committer.members()
        return [leaf_of(roster, each.identity) for each in going]

    def settle(
        self,
        committer: Member,
        outgoing: Outgoing,
        coming: Sequence[Member],
        going: Sequence[Member],
        *,
        by_reference: bool = False,
    ) -> None:
        """The delivery service took the commit: everybody moves on."""
        # while proposals are waiting nobody may send application messages (RFC 9420 section 12.4)
        interjected = None if by_reference else self.interject(committer, going)
        for member in self.removed:
            refuses(member, outgoing.commit)
            member.forget()
        self.removed = list(going)
        committer.merge()
        if interjected is not None:
            refuses(committer, interjected)
        for member in self.others(committer, *going):
            member.process(outgoing.commit)
        for member in going:
            if self.chance(0.5):  # it may or may not accept the news of its removal
                try:
                    member.process(outgoing.commit)
                except Refused:
                    self.happened["removals refused by the removed"] += 1
        for member in coming:
            assert outgoing.welcome is not None, "members were added without a Welcome"
            member.join(outgoing.welcome, outgoing.ratchet_tree)
        self.members = [*self.others(*going), *coming]
        self.largest = max(self.largest, len(self.members))
        self.epoch += 1
        for commit in self.lost:
            refuses(self.random.choice(self.members), commit)
        self.lost.clear()
        for each in self.late:
            each.missing[:] = [member for member in each.missing if is_among(member, self.members)]

    # What has to hold in every epoch.

    def compare(self) -> None:
        label, context = f"label {self.random.random()}", self.random.randbytes(9)
        length = self.random.randint(1, 32)
        views = [
            (each.epoch(), each.authenticator(), each.exported(label, context, length), each.members())
            for each in self.members
        ]
        for member, view in zip(self.members, views, strict=True):
            assert view == views[0], f"{member.kind} and {self.members[0].kind} differ: {view} and {views[0]}"
        epoch, _, secret, roster = views[0]
        assert epoch == self.epoch
        assert len(secret) == length
        assert sorted(entry.identity for entry in roster) == sorted(each.identity for each in self.members)

    def talk(self) -> None:
        """One member says something, now and then several things that arrive out of order, late or twice."""
        sender = self.random.choice(self.members)
        count = self.random.randint(2, MOST_MESSAGES) if self.chance(0.2) else 1
        said = [self.random.randbytes(self.random.choice((0, 1, 60, 1000))) for _ in range(count)]
        sent = [(sender.encrypt(each), each) for each in said]
        held: Late | None = None
        if self.chance(0.25):
            held = Late(*sent[-1], sender, self.epoch, missing=[])
            self.late.append(held)
        for member in self.others(sender):
            for message, plaintext in self.random.sample(sent, len(sent)):
                if held is not None and message == held.message and self.chance(0.4):
                    held.missing.append(member)
                    continue
                assert member.decrypt(message) == plaintext
                self.happened["messages read"] += 1
                if self.chance(0.03):
                    refuses(member, message)
                    self.happened["replays refused"] += 1
        for member in self.removed:
            for message, _ in sent:
                refuses(member, message)

    def deliver_late(self) -> None:
        """Messages of past epochs reach those who still miss them."""
        waiting = []
        for each in self.late:
            age = self.epoch - each.sent_in
            if age == 0 or (age < MOST_EPOCHS_LATE and self.chance(0.5)):
                waiting.append(each)
                continue
            for member in each.missing:
                if is_among(each.sender, self.members) or member.abilities.reads_the_departed:
                    assert member.decrypt(each.message) == each.plaintext
                    self.happened["late messages read"] += 1
        self.late = waiting


def is_among(member: Member, members: Sequence[Member]) -> bool:
    """By identity: members need not be comparable."""
    return any(member is each for each in members)


def refuses(member: Member, message: bytes) -> None:
    """Asserts that the member takes the message neither as a handshake nor as an application message."""
    for take in (member.process, member.decrypt):
        try:
            take(message)
        except Refused:
            continue
        raise AssertionError(f"{member.kind} took what it should refuse, by {take.__name__}")


def run_mixed_group(implementations: Sequence[Implementation], commits: int, seed: int) -> Summary:
    """Runs a random group for that many commits; raises AssertionError naming the seed and the step."""
    group = MixedGroup(implementations, seed)
    for step in range(commits):
        try:
            group.step()
        except (Refused, AssertionError) as error:
            raise AssertionError(f"mixed group, seed {seed}, step {step}: {error}") from error
    for member in group.members:
        member.forget()
    return Summary(seed, commits, group.largest, group.happened)
