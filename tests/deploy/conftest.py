"""A real server behind a real proxy, once for each proxy that deploy/ has a configuration for."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from backchannel_server.command import LINK_FILE
from deploy.certificate import Certificate, make_certificate
from deploy.proxies import Plan, free_ports, proxy

REQUESTS_A_MINUTE = 40


@dataclass
class Site:
    """What a host has who followed OPERATIONS.md."""

    kind: str
    plan: Plan
    data: Path
    _server: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return self.plan.url

    @property
    def inner_url(self) -> str:
        return f"http://127.0.0.1:{self.plan.upstream}"

    @property
    def log(self) -> Path:
        """What the server logs."""
        return self.data.with_suffix(".log")

    @property
    def link(self) -> str:
        """The host link, where the server puts it when there is no terminal."""
        return (self.data / LINK_FILE).read_text().strip()

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.plan.certificate.chain))

    def start_server(self) -> None:
        """With the settings that the unit and compose.yaml give it; again with the same data."""
        words = ["--behind-proxy", "--public-url", self.url, "--port", str(self.plan.upstream)]
        words += ["--data", str(self.data), "--requests-a-minute", str(REQUESTS_A_MINUTE)]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "backchannel_server", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        assert self._server.stdout is not None
        assert any(line.startswith("host link") for line in self._server.stdout), self.log.read_text()

    def stop_server(self) -> None:
        """SIGTERM, and waits."""
        server, self._server = self._server, None
        if server is not None:
            server.terminate()
            assert server.stdout is not None
            server.stdout.close()
            assert server.wait() == 0


def make_site(kind: str, folder: Path, certificate: Certificate) -> Site:
    """Nothing of it runs yet."""
    plan = Plan(folder / "proxy", certificate, *free_ports())
    plan.folder.mkdir()
    return Site(kind, plan, folder / "data")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Site]:
    """The proxy, and the server for as long as a test does not stop it."""
    if sys.platform != "linux":
        pytest.skip("clients of several addresses on one machine are Linux's")
    site = make_site(request.param, tmp_path_factory.mktemp(request.param), certificate)
    with proxy(site.kind, site.plan):
        site.start_server()
        try:
            yield site
        finally:
            site.stop_server()


@pytest.fixture
def lonely(running: Site, tmp_path: Path) -> Iterator[Site]:
    """A proxy of the same kind, whose server is away."""
    site = make_site(running.kind, tmp_path, running.plan.certificate)
    with proxy(site.kind, site.plan):
        yield site


@pytest.fixture
def site(running: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The same; its certificate is believed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(running.plan.certificate.chain))
    return running


_NUMBERS = count(9)


@pytest.fixture
def source() -> str:
    """A client's address that no other test has: what one does wrong is not charged to the next."""
    return f"127.0.0.{next(_NUMBERS)}"
