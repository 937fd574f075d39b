"""Rooms of the tests, some events old."""

from __future__ import annotations

from backchannel_protocol.room.state import Role
from protocol.history import Story
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH


def new_room(name: str = "story") -> Story:
    """Anna facilitates for party a, alone."""
    story = Story(name)
    story.genesis(ANNA)
    return story


def open_room(name: str = "story") -> Story:
    """Rule any; facilitators Anna (a) and Boris (b), participants Clara (a) and David (b)."""
    story = new_room(name)
    story.admit(BORIS, (ANNA,), Role.FACILITATOR, "b")
    story.admit(CLARA, (ANNA,), Role.PARTICIPANT, "a")
    story.admit(DAVID, (ANNA,), Role.PARTICIPANT, "b")
    return story


def strict_room(name: str = "story") -> Story:
    """The same, under the rule party."""
    story = open_room(name)
    story.set_admission(ANNA, "party")
    return story


def lost_room(name: str = "story") -> Story:
    """A strict room whose Boris, the only facilitator of b, has left; David and Edith are still there."""
    story = strict_room(name)
    story.admit(EDITH, (ANNA, BORIS), party="b")
    story.leave(BORIS)
    story.commit_remove(ANNA, BORIS)
    return story
