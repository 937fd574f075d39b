"""Pulls the plug from within: SIGKILL at the n-th point where a program is vulnerable.

A point is before each statement of the profile's database, before and after each frame or letter
on the network, and wherever the driver says so (`point`). What is written is the real profile,
what is killed the real process; between two points nothing happens that another process could see.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from typing import Any

from backchannel.connection.host import HttpHost
from backchannel.connection.session import Session
from backchannel_protocol.frames import ClientFrame, Frame, Mail
from backchannel_protocol.http_bodies import Knock


class Plug:
    """Counts points. `at` 0: it is never pulled."""

    def __init__(self, at: int) -> None:
        self._left = at

    def point(self) -> None:
        """A point; at the last one, this process is gone."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def fit(self) -> None:
        """Makes every statement and every frame of this process a point."""
        _fit_database(self)
        _fit_network(self)


def _fit_database(plug: Plug) -> None:
    connect = sqlite3.connect

    class Counting(sqlite3.Connection):
        def execute(self, *arguments: Any, **named: Any) -> sqlite3.Cursor:
            plug.point()
            return super().execute(*arguments, **named)

        def executemany(self, *arguments: Any, **named: Any) -> sqlite3.Cursor:
            plug.point()
            return super().executemany(*arguments, **named)

    def counting(*arguments: Any, **named: Any) -> sqlite3.Connection:
        return connect(*arguments, **named, factory=Counting)

    sqlite3.connect = counting  # type: ignore[assignment] # the same arguments


def _fit_network(plug: Plug) -> None:
    send, receive, mail = Session.send, Session.receive, HttpHost.mail

    async def sending(self: Session, frame: ClientFrame) -> None:
        plug.point()
        await send(self, frame)
        plug.point()

    async def receiving(self: Session) -> Frame:
        frame = await receive(self)
        plug.point()
        return frame

    async def mailing(self: HttpHost, request: Knock) -> list[Mail]:
        plug.point()
        answer = await mail(self, request)
        plug.point()
        return answer

    Session.send = sending  # type: ignore[method-assign] # the same, with a point before and after
    Session.receive = receiving  # type: ignore[method-assign] # as above
    HttpHost.mail = mailing  # type: ignore[method-assign] # as above
