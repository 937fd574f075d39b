"""How much an address may ask for without proving anything: kept in memory, never written, never logged."""

from __future__ import annotations

import ipaddress
import math
import time

from aiohttp import web

from backchannel_protocol.refusals import Code
from backchannel_server.enforce.rates import Rates
from backchannel_server.refusal import Refusal


class Addresses:
    """Requests that fail, or that prove nothing, are charged to the address that they came from."""

    def __init__(self, requests_a_minute: int, *, behind_proxy: bool) -> None:
        self._rates: Rates[str] = Rates(requests_a_minute / 60, requests_a_minute)
        self._behind_proxy = behind_proxy

    def verify(self, request: web.Request) -> None:
        """Raises `too-fast` where the address has nothing left."""
        wait = self._rates.wait_s(self._key(request), 1, time.monotonic())
        if wait:
            raise Refusal(Code.TOO_FAST, retry_after_s=math.ceil(wait))

    def charge(self, request: web.Request) -> None:
        """One request."""
        self._rates.take(self._key(request), 1, time.monotonic())

    def _key(self, request: web.Request) -> str:
        """An IPv4 address, or the /64 that one household has of IPv6; the word of the last proxy alone."""
        address = request.remote or ""
        if self._behind_proxy:
            address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return ""
        if isinstance(parsed, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((parsed, 64), strict=False))
        return str(parsed)
