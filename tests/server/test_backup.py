"""Backup of a server that runs, and the server that comes back from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backchannel_server.command import main
from server.server_kit import Host, attached, hosting, new_room


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """`main` narrows it for its process, which here is pytest's."""
    before = os.umask(0o022)
    yield
    os.umask(before)


async def test_a_running_server_is_backed_up_and_comes_back(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    author = await new_room(host)
    copy, again = tmp_path / "copy", tmp_path / "again"
    async with attached(host.url, author) as line:
        for _ in range(3):
            await line.submit(author.write())
        assert main(["backup", str(copy), "--data", str(host.data)]) == 0
        before = await line.reach(3)
        await line.submit(author.write())
    assert main(["restore", str(copy), "--data", str(again)]) == 0
    assert "restore: done" in capsys.readouterr().out
    async with hosting(again) as restored:
        assert restored.running.key.public == host.running.key.public
        async with attached(restored.url, author) as line:
            assert line.log == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["backup"], "needs a folder"),
        (["backup", "{}/copy", "--data", "{}/nothing"], "no server's data"),
        (["restore", "{}/nothing", "--data", "{}/again"], "no backup"),
        (["backup", "{}", "--data", "{}/data"], "is not empty"),
    ],
)
def test_what_cannot_be_copied_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "backchannel.sqlite3").touch()
    assert main([word.replace("{}", str(tmp_path)) for word in words]) == 2
    assert sentence in capsys.readouterr().err
