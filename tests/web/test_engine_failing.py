"""A browser whose cryptography fails for a while: no event is judged by that, and nothing is lost."""

from __future__ import annotations

from typing import cast

import pytest

from attack.rooms.stage import Seated, goes_on, say, until
from web.web_client import WebClient, WebRoom
from web.web_stage import WebStage

FAILURES = ("UnknownError", "QuotaExceededError", "AbortError")


def page(one: Seated) -> WebClient:
    return cast("WebClient", one.client)


def web(one: Seated) -> WebRoom:
    return cast("WebRoom", one.room)


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_comes_meanwhile_is_taken_later(stage: WebStage, failure: str) -> None:
    """A message, and the commit that lets somebody in: each is tried again until it can be read."""
    ann, bo = await stage.pair()
    await page(bo).call("fail", 3, failure)
    await say(ann, "while it fails")
    await until(bo, lambda: "while it fails" in bo.texts)
    assert await page(bo).call("toFail") == 0
    await page(bo).call("fail", 3, failure)
    cal = await stage.bring(ann, "Cal")
    await goes_on(ann, bo, cal)
    assert await page(bo).call("toFail") == 0
    assert not [entry for entry in web(bo).known.values() if entry["kind"] in ("ignored", "skipped")]
