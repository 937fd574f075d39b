"""Attacks as values: named for what they do, and each with the rule that stands against it.

An attack is a story that raises `Reached` where it got what it was for. It is told twice: as the
code is, when nothing may be raised; and without its rule, when `Reached` must be: an attack that
cannot succeed proves nothing about the rule.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest
from _pytest.mark import ParameterSet

T = TypeVar("T")
Story = Callable[[T], Awaitable[None]]
Rule = Callable[[pytest.MonkeyPatch], None]
"""Takes one check out of the code, for the rest of a test."""


class Reached(AssertionError):
    """The attacker got what he wanted."""


def hold(safe: bool, reached: str) -> None:
    """Raises Reached unless `safe`."""
    if not safe:
        raise Reached(reached)


@dataclass(frozen=True)
class Attack(Generic[T]):
    """`rules`: without all of them it succeeds; none where nothing in the code could be taken out."""

    story: Story[T]
    rules: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """What it does."""
        return self.story.__name__

    async def fails(self, scene: T) -> None:
        """As the code is."""
        await self.story(scene)

    async def succeeds(self, scene: T, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without its rules."""
        for rule in self.rules:
            rule(monkeypatch)
        with pytest.raises(Reached):
            await self.story(scene)


class Attacks(Generic[T]):
    """The attacks of one module."""

    def __init__(self) -> None:
        self._attacks: list[Attack[T]] = []

    def against(self, *rules: Rule) -> Callable[[Story[T]], Story[T]]:
        """A decorator: the story is an attack that these rules stand against."""

        def add(story: Story[T]) -> Story[T]:
            self._attacks.append(Attack(story, rules))
            return story

        return add

    def all(self) -> list[ParameterSet]:
        """For parametrize."""
        return [pytest.param(attack, id=attack.name) for attack in self._attacks]

    def with_rules(self) -> list[ParameterSet]:
        """For parametrize: those that can be shown to succeed."""
        return [pytest.param(attack, id=attack.name) for attack in self._attacks if attack.rules]


def without(target: str, instead: Callable[..., object] | None = None) -> Rule:
    """Replaces a function by one that takes everything and says nothing, or by `instead`."""

    def take_out(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(target, instead or _nothing)

    return take_out


def _nothing(*_: object, **__: object) -> None:
    return None


Told = Callable[..., Coroutine[object, object, None]]


def told_through_a_proxy(attacks: Attacks[T]) -> tuple[Told, Told]:
    """Two tests: as the code is, each attack fails; without what stands against it, it succeeds."""

    @pytest.mark.parametrize("attack", attacks.all())
    async def fails(attack: Attack[T], stage: T) -> None:
        await attack.fails(stage)

    @pytest.mark.parametrize("attack", attacks.with_rules())
    async def succeeds(attack: Attack[T], stage: T, monkeypatch: pytest.MonkeyPatch) -> None:
        await attack.succeeds(stage, monkeypatch)

    return fails, succeeds


def told_directly(attacks: Attacks[T]) -> tuple[Told, Told]:
    """The same for attacks on the server: it is a process first, and then in this one, without the rules."""

    @pytest.mark.parametrize("attack", attacks.all())
    async def fails(attack: Attack[T], direct: T) -> None:
        await attack.fails(direct)

    @pytest.mark.parametrize("attack", attacks.with_rules())
    async def succeeds(attack: Attack[T], inside: T, monkeypatch: pytest.MonkeyPatch) -> None:
        await attack.succeeds(inside, monkeypatch)

    return fails, succeeds
