"""Host links: what is one, and that a profile keeps it sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

from backchannel.errors import BackchannelError
from backchannel.hosting import HostLink
from client.conftest import Open

TOKEN = "aB3" * 14 + "z"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://host.example/host",
        f"https://host.example/i#{TOKEN}",
        f"https://host.example/host?x#{TOKEN}",
        f"https://known.example@host.example/host#{TOKEN}",
        f"ftp://host.example/host#{TOKEN}",
        f"https://host.example/host#{TOKEN[:-1]}",
        f"https://[host.example/host#{TOKEN}",
    ],
)
def test_what_is_no_host_link_is_refused_and_not_repeated(link: str) -> None:
    with pytest.raises(BackchannelError) as refused:
        HostLink.parse("home", link)
    assert refused.value.code == "host-link"
    assert TOKEN[:-1] not in refused.value.sentence


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 33, "\x1b[2J"])
def test_a_short_name_is_plain(name: str) -> None:
    with pytest.raises(BackchannelError):
        HostLink.parse(name, f"https://host.example/host#{TOKEN}")


def test_a_link_is_read_and_written_and_not_shown() -> None:
    link = HostLink.parse("home", f" http://127.0.0.1:8470/host#{TOKEN}\n")
    assert link.link() == f"http://127.0.0.1:8470/host#{TOKEN}"
    assert HostLink.decode(link.encode()) == link
    assert TOKEN not in repr(link)


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_a_profile_keeps_links_sealed_until_they_are_forgotten(
    open_client: Open, tmp_path: Path
) -> None:
    path = tmp_path / "profile.db"
    link = HostLink.parse("home", f"https://host.example/host#{TOKEN}")
    async with open_client(path) as client:
        await client.remember_host(link)
    stored = everything(tmp_path)
    assert b"host.example" not in stored
    assert TOKEN.encode() not in stored
    async with open_client(path) as client:
        assert client.hosts == {"home": link}
        await client.forget_host("home")
        with pytest.raises(BackchannelError):
            await client.forget_host("home")
    async with open_client(path) as client:
        assert client.hosts == {}
