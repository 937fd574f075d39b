"""How much an address may ask for without proving anything: kept in memory, never written, never logged."""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections.abc import Sequence
from typing import Final, TypeAlias

from aiohttp import web

from backchannel_protocol.refusals import Code
from backchannel_server.config import Network
from backchannel_server.enforce.rates import Rates
from backchannel_server.refusal import Refusal

FORWARDED: Final = "X-Forwarded-For"
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
log = logging.getLogger(__name__)


class Addresses:
    """Requests that fail, or that prove nothing, are charged to the address that they came from."""

    def __init__(self, requests_a_minute: int, proxies: Sequence[Network]) -> None:
        self._rates: Rates[str] = Rates(requests_a_minute / 60, requests_a_minute)
        self._proxies = tuple(proxies)
        self._warned = False

    def verify(self, request: web.Request) -> None:
        """Raises `too-fast` where the address has nothing left."""
        wait = self._rates.wait_s(self.key(request), 1, time.monotonic())
        if wait:
            raise Refusal(Code.TOO_FAST, retry_after_s=math.ceil(wait))

    def charge(self, request: web.Request) -> None:
        """One request."""
        self._rates.take(self.key(request), 1, time.monotonic())

    def key(self, request: web.Request) -> str:
        """What is charged for a request: see `household`."""
        peer, forwarded = request.remote or "", request.headers.getall(FORWARDED, ())
        if forwarded and self._proxies and not is_within(peer, self._proxies) and not self._warned:
            self._warned = True
            log.warning(
                "a proxy that is not in trusted_proxies: all who come through it count as one address"
            )
        return household(client_of(peer, forwarded, self._proxies))


def client_of(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Who asks: the peer, or whom a trusted proxy names.

    Of all that X-Forwarded-For says, in one header or several, the last word alone is the proxy's own: what
    stands before it may be the client's invention.
    """
    if not forwarded or not is_within(peer, proxies):
        return peer
    return forwarded[-1].rpartition(",")[2].strip()


def household(address: str) -> str:
    """An IPv4 address, or the /64 that one household has of IPv6; empty for what is no address."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return "" if parsed is None else str(parsed)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether one of the networks holds the address."""
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parse(address: str) -> _Address | None:
    """An IPv4 address that is dressed as IPv6 (::ffff:192.0.2.1) is what it is: else all would be one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
