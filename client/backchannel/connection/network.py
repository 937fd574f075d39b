"""Tells when this machine's network changes, where the system says so for nothing: Linux (rtnetlink(7))."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Callable
from typing import Final

_LINKS_ADDRESSES_ROUTES: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR and _IPV6_ROUTE of linux/rtnetlink.h."""

_LARGEST: Final = 1 << 16


async def watch_network(changed: Callable[[], None]) -> None:
    """Calls `changed` at each change of a link, an address or a route. Returns where nobody tells."""
    if sys.platform != "linux":
        return
    try:
        told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    except OSError:  # a sandbox may forbid it
        return
    with told:
        try:
            told.bind((0, _LINKS_ADDRESSES_ROUTES))
        except OSError:
            return
        while await _is_told(told):
            changed()


async def _is_told(told: socket.socket) -> bool:
    """What it says is not read: that something changed is all."""
    try:
        await asyncio.get_running_loop().sock_recv(told, _LARGEST)
    except OSError as fault:
        return fault.errno == errno.ENOBUFS  # more changed than fits its buffer
    return True
