"""The composition root: everything is made here, given to what needs it, and ended in order."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from backchannel_protocol.ids import b64u
from backchannel_server import __version__
from backchannel_server.actions.context import Context
from backchannel_server.actions.tokens import do_make_first_host_token, do_make_host_token
from backchannel_server.addresses import Addresses
from backchannel_server.answers import add_headers
from backchannel_server.condition import Conditions
from backchannel_server.config import MEMORY, POSTGRES, Settings, SettingsError
from backchannel_server.door import RESERVED_FILES, Bounds, Door, listen, raise_file_limit
from backchannel_server.fanout.feeds import Feeds
from backchannel_server.fanout.hints import Broker
from backchannel_server.fanout.postgres import PostgresBroker
from backchannel_server.following import RoomLog
from backchannel_server.http import MAX_REQUEST_BYTES, Http, refusing
from backchannel_server.metrics import Metrics
from backchannel_server.record.checkpoint import sign_room
from backchannel_server.record.key import RecordKey, load_record_key
from backchannel_server.retention import keep_sweeping
from backchannel_server.routes import UPGRADE
from backchannel_server.session import Reception
from backchannel_server.storage.committer import Committer
from backchannel_server.storage.engine import Engines, open_engines, open_listener
from backchannel_server.storage.migrate import migrate
from backchannel_server.storage.rows import Room
from backchannel_server.webroot import load_webroot, webroot_routes
from backchannel_server.ws import WebSockets

DRAIN_S: Final = 1.0
"""How long a stopping server goes on writing what it was sent."""

SHUTDOWN_S: Final = 0.3
"""How long requests that are no WebSockets may still take. With CLOSE_GRACE_S, all of it is under 3 s."""

_LOCK: Final = "lock"
log = logging.getLogger(__name__)


class DataFolderInUse(Exception):
    """Another server runs on this data folder."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens. `token` is the host's, where one was made at this start."""

    settings: Settings
    port: int
    key: RecordKey
    token: str | None

    @property
    def url(self) -> str:
        """Where people reach it."""
        return self.settings.url_at(self.port)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a server starts with. `token` as in Running."""

    key: RecordKey
    token: str | None


def wall_clock() -> int:
    """Seconds since 1970."""
    return int(time.time())


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    new_token: bool = False,
    clock: Callable[[], int] = wall_clock,
    steady: Callable[[], float] = time.monotonic,
    listeners: Sequence[socket.socket] = (),
) -> AsyncIterator[Running]:
    """A server that listens inside the block, and has stopped in order after it; on sockets of its own,
    unless it is given `listeners`.

    Raises SettingsError, DataFolderInUse, UnusableDatabase, DamagedKey, OSError. A host token is made
    at the first start, and with `new_token`.
    """
    tls = _tls(settings)
    with locked_folder(settings):
        prepared = await prepare(settings, new_token=new_token)
        key = prepared.key
        async with AsyncExitStack() as stack:
            engines = open_engines(settings.data, settings.database)
            stack.push_async_callback(engines.dispose)
            broker = make_broker(settings, key, stack)
            context = make_context(engines, key, clock, broker)
            with one_fault_as_itself():
                async with asyncio.TaskGroup() as tasks:
                    begun = [
                        tasks.create_task(work)
                        for work in (
                            context.committer.run(),
                            context.feeds.run(),
                            keep_sweeping(context, settings.sweep_interval_s, steady),
                        )
                    ]
                    try:
                        there = listeners or await listen(settings.host, settings.port)
                        async with _listening(settings, context, key, tls, tasks, there) as port:
                            log.info("started", extra={"version": __version__})
                            yield Running(settings, port, key, prepared.token)
                    finally:
                        for task in begun:
                            task.cancel()
    log.info("stopped")


async def prepare(settings: Settings, *, new_token: bool = False) -> Prepared:
    """Key, tables and host token, whichever of several processes comes first. Raises as `running`."""
    key = load_record_key(settings.data)
    engines = open_engines(settings.data, settings.database, patient=True)
    try:
        await migrate(engines.writer, key.public)
        make = do_make_host_token if new_token else do_make_first_host_token
        return Prepared(key, await make(engines.writer))
    finally:
        await engines.dispose()


@contextmanager
def one_fault_as_itself() -> Iterator[None]:
    """A TaskGroup wraps what ends it: where it is one fault, such as a port in use, that is raised."""
    try:
        yield
    except BaseExceptionGroup as faults:
        if len(faults.exceptions) == 1:
            raise faults.exceptions[0] from None
        raise


@contextmanager
def locked_folder(settings: Settings) -> Iterator[None]:
    """The data folder, made and closed to everybody else: for this process alone, or with the rooms in
    PostgreSQL for all that serve them."""
    data = settings.data
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    kind = fcntl.LOCK_EX if settings.hints_by == MEMORY else fcntl.LOCK_SH
    with (data / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderInUse(f"another server runs on {data}; stop it, or give another data") from None
        yield


def make_context(
    engines: Engines, key: RecordKey, clock: Callable[[], int], broker: Broker | None = None
) -> Context:
    """What the actions of a server share; `committer.run` and `feeds.run` are the caller's to start."""
    metrics = Metrics()
    conditions = Conditions.make(metrics)
    committer = Committer(engines.writer, metrics, conditions)

    def checkpoint(room: Room) -> str:
        return sign_room(key, room)

    feeds = Feeds(RoomLog(engines, clock, checkpoint), conditions, broker)
    return Context(engines, committer, feeds, metrics, conditions, clock, checkpoint)


def make_broker(settings: Settings, key: RecordKey, stack: AsyncExitStack) -> Broker | None:
    """How this process hears of others; what it opens, the stack closes. Raises SettingsError."""
    if settings.hints_by == MEMORY:
        return None
    if settings.hints_by == POSTGRES:
        assert settings.database is not None, "verified with the settings"
        listener = open_listener(settings.database)
        stack.push_async_callback(listener.dispose)
        return PostgresBroker(listener)
    try:
        from backchannel_server.fanout.nats import NatsBroker  # noqa: PLC0415 - an extra, which others do not need
    except ModuleNotFoundError:
        raise SettingsError(
            "NATS needs a client that is not installed: pip install 'backchannel[server,postgres,nats]'"
        ) from None
    return NatsBroker(settings.hints_by, f"backchannel.{b64u(key.fingerprint)}.hints")


@asynccontextmanager
async def _listening(
    settings: Settings,
    context: Context,
    key: RecordKey,
    tls: ssl.SSLContext | None,
    tasks: asyncio.TaskGroup,
    listeners: Sequence[socket.socket],
) -> AsyncIterator[int]:
    """The edges. They end in this order: no new connections, what was sent is written, Bye, the rest."""
    reception = Reception.make(context, key, settings.events_a_second)
    proxies = settings.trusted_proxies if settings.behind_proxy else ()
    addresses = Addresses(settings.requests_a_minute, proxies)
    sockets = WebSockets(reception, addresses, tasks.create_task)
    application = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[refusing(addresses)])
    upgrade = web.route(UPGRADE.method, UPGRADE.path, sockets.handle)
    application.add_routes([upgrade, *Http(reception, addresses).routes()])
    application.add_routes(webroot_routes(load_webroot()))
    application.on_response_prepare.append(add_headers)
    # access_log would name addresses
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    assert runner.server is not None
    files = raise_file_limit(settings.connections + RESERVED_FILES)
    bounds = Bounds.of(settings.connections, files)
    if bounds.open < settings.connections:
        log.warning("the system allows fewer connections than the settings", extra={"count": bounds.open})
    door = Door(runner.server, bounds, tls, tasks.create_task)
    try:
        yield door.open(listeners)
        await door.shut()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await context.committer.drain()
        await sockets.stop()
    finally:
        await door.shut()
        await runner.cleanup()


def _no_passphrase() -> str:
    """Else OpenSSL would ask on the terminal, and a service would wait for ever."""
    raise ValueError


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_passphrase)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise SettingsError(
            f"tls_cert {settings.tls_cert} and tls_key {settings.tls_key} are not a PEM certificate chain "
            "and its private key, without a passphrase"
        ) from None
    return context
