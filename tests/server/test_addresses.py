"""Whom a request is charged to: the client's own address, whatever it says of itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest

from backchannel_server.addresses import client_of, household
from server.process_kit import process
from server.server_kit import hosting

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.8.0.2/32"), ip_network("fd00::/64"))
ME = "198.51.100.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [ME], ME),
        ("127.0.0.1", ["203.0.113.9, " + ME], ME),
        ("127.0.0.1", ["203.0.113.9", ME], ME),
        ("127.0.0.1", ["203.0.113.9,127.0.0.1"], "127.0.0.1"),
        ("10.8.0.2", ["  " + ME + " "], ME),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:127.0.0.1", [ME], ME),
        ("10.8.0.3", [ME], "10.8.0.3"),
        ("203.0.113.9", [ME], "203.0.113.9"),
        ("", [ME], ""),
    ],
)
def test_a_trusted_proxys_own_word_alone_counts(peer: str, forwarded: Sequence[str], client: str) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


def test_nobody_is_believed_where_no_proxy_is() -> None:
    assert client_of("127.0.0.1", [ME], ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        (ME, ME),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:198.51.100.7", ME),
        ("::ffff:198.51.100.8", "198.51.100.8"),
        ("", ""),
        ("unknown", ""),
        ("198.51.100.7:443", ""),
    ],
)
def test_an_ipv6_household_is_one_address(address: str, whose: str) -> None:
    assert household(address) == whose


async def statuses(url: str, forwarded: Sequence[str]) -> list[int]:
    """What a request that fails is answered, once for each thing that X-Forwarded-For says."""
    found = []
    async with aiohttp.ClientSession() as http:
        for said in forwarded:
            headers = [("X-Forwarded-For", line) for line in said.split("\n") if line]
            async with http.post(url + "/v1/tokens", data=b"", headers=headers) as answer:
                found.append(answer.status)
    return found


LIMIT = 4
INVENTED = [f"203.0.113.{at}" for at in range(LIMIT + 1)]
BAD_TOKEN, TOO_FAST = 401, 429
CAUGHT = [BAD_TOKEN] * LIMIT + [TOO_FAST]


async def test_without_a_proxy_nothing_is_believed(tmp_path: Path) -> None:
    async with hosting(tmp_path / "data", requests_a_minute=LIMIT) as host:
        assert await statuses(host.url, INVENTED) == CAUGHT


async def test_behind_a_proxy_its_word_counts_and_the_clients_does_not(tmp_path: Path) -> None:
    async with hosting(tmp_path / "data", requests_a_minute=LIMIT, behind_proxy=True) as host:
        # one proxy adds to the header, another writes one of its own behind it
        assert await statuses(host.url, [f"{one}, {ME}" for one in INVENTED]) == CAUGHT
        assert await statuses(host.url, [f"{one}\n{ME}" for one in INVENTED]) == [TOO_FAST] * len(INVENTED)
        assert await statuses(host.url, ["192.0.2.1", "192.0.2.2", ""]) == [BAD_TOKEN] * 3


async def test_who_reaches_the_port_past_the_proxy_cannot_invent_addresses(tmp_path: Path) -> None:
    proxy = (ip_network("10.8.0.2/32"),)
    async with hosting(
        tmp_path / "data", requests_a_minute=LIMIT, behind_proxy=True, trusted_proxies=proxy
    ) as host:
        assert await statuses(host.url, INVENTED) == CAUGHT


async def test_a_proxy_that_was_not_named_is_told_of_once_and_without_its_address(tmp_path: Path) -> None:
    words = ("--behind-proxy", "--trusted-proxies", "10.8.0.2, 10.9.0.0/24")
    async with process(tmp_path / "data", *words) as server:
        await statuses(server.url, INVENTED)
        assert await server.terminate() == 0
    log = (tmp_path / "log").read_text()
    told = [json.loads(line) for line in log.splitlines()]
    assert [line["level"] for line in told].count("warning") == 1
    assert "trusted_proxies" in log
    assert not any(address in log for address in (*INVENTED, "127.0.0.1"))
