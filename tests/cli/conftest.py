"""Fixtures of the command line's tests: one real server for each module, and people with profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backchannel.testing import LocalServer
from cli.person import Person, made_room

People = Callable[[str], Person]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def person(tmp_path: Path) -> Iterator[People]:
    """Makes somebody with a profile of their own; what they started ends with the test."""
    people: list[Person] = []

    def make(name: str) -> Person:
        people.append(Person.make(name, tmp_path))
        return people[-1]

    yield make
    for one in people:
        one.end()


@pytest.fixture
def ann(person: People, server: LocalServer) -> Person:
    """Ann of Alpha, who facilitates a new room with the parties Alpha and Beta."""
    return made_room(person("Ann"), server)
