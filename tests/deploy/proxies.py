"""Real nginx and real Caddy with the configurations of deploy/, on loopback, with free ports.

Caddy's is taken as it is: it has variables. In nginx's the words that OPERATIONS.md tells a host to change
are changed, and the ports, the address and the log's place beside them; each has to be there, as often as
is said.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import debian
from deploy.certificate import Certificate
from house.tree import ROOT

CADDYFILE = ROOT / "deploy" / "Caddyfile"
NGINX_CONF = ROOT / "deploy" / "nginx.conf"
STARTS_WITHIN_S = 20
LOOK_S = 0.02


@dataclass(frozen=True)
class Plan:
    """Where a proxy listens and passes on to, and the folder for all that it writes."""

    folder: Path
    certificate: Certificate
    http: int
    https: int
    upstream: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https}"

    def logs(self) -> Mapping[str, str]:
        """All that the proxy wrote, by file."""
        files = [path for path in self.folder.rglob("*.log") if path.is_file()]
        return {path.name: path.read_text("utf-8") for path in files}


def free_ports() -> tuple[int, int, int]:
    """Three that are free now, and different."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        first, second, third = (int(one.getsockname()[1]) for one in held)
    return first, second, third


def write_nginx(plan: Plan) -> Path:
    """A main file as Debian's, which includes ours. Returns its path."""
    text = NGINX_CONF.read_text(encoding="utf-8")
    for old, new, times in (
        ("/etc/letsencrypt/live/rooms.example.org/fullchain.pem", str(plan.certificate.chain), 1),
        ("/etc/letsencrypt/live/rooms.example.org/privkey.pem", str(plan.certificate.key), 1),
        ("server_name rooms.example.org;", "server_name localhost;", 2),
        ("listen 80;", f"listen 127.0.0.1:{plan.http};", 1),
        ("listen [::]:80;", "", 1),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{plan.https} ssl http2;", 1),
        ("listen [::]:443 ssl http2;", "", 1),
        ("server 127.0.0.1:8470;", f"server 127.0.0.1:{plan.upstream};", 1),
        ("/var/log/nginx/backchannel.log", str(plan.folder / "access.log"), 1),
    ):
        assert text.count(old) == times, f"{NGINX_CONF.name}: {old!r}"
        text = text.replace(old, new)
    ours = plan.folder / "backchannel.conf"
    ours.write_text(text, encoding="utf-8")
    temporary = "".join(
        f"    {name}_temp_path {plan.folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    )
    main = plan.folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    # as talkative as it can be without being built for it
    main.write_text(
        f"{user}daemon off;\npid {plan.folder / 'pid'};\nerror_log {plan.folder / 'main.log'} info;\n"
        f"events {{ worker_connections 512; }}\nhttp {{\n    gzip on;\n{temporary}    include {ours};\n}}\n",
        encoding="utf-8",
    )
    return main


def caddy_environment(plan: Plan) -> dict[str, str]:
    """The variables that deploy/Caddyfile names, and places of its own for what Caddy keeps."""
    return {
        "BACKCHANNEL_DOMAIN": "localhost",
        "BACKCHANNEL_UPSTREAM": f"127.0.0.1:{plan.upstream}",
        "BACKCHANNEL_TLS": f"tls {plan.certificate.chain} {plan.certificate.key}",
        "BACKCHANNEL_BIND": "127.0.0.1",
        "BACKCHANNEL_HTTP_PORT": str(plan.http),
        "BACKCHANNEL_HTTPS_PORT": str(plan.https),
        "XDG_DATA_HOME": str(plan.folder / "data"),
        "XDG_CONFIG_HOME": str(plan.folder / "config"),
    }


def command(kind: str, plan: Plan) -> tuple[list[str], dict[str, str]]:
    """The words that start a proxy, and its environment. Skips the test where it cannot be had."""
    found = debian.program(kind, kind)
    if kind == "nginx":
        # -e: what it says before it has read where to say it
        words = [str(found.path), "-e", str(plan.folder / "main.log"), "-p", str(plan.folder)]
        return [*words, "-c", str(write_nginx(plan))], found.environment
    words = [str(found.path), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    return words, {**found.environment, **caddy_environment(plan)}


@contextmanager
def proxy(kind: str, plan: Plan) -> Iterator[None]:
    """A proxy that listens; ended in order."""
    words, environment = command(kind, plan)
    with (plan.folder / "said.log").open("ab") as said:
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        end = time.monotonic() + STARTS_WITHIN_S
        while not all(map(_listens, (plan.http, plan.https))):
            assert process.poll() is None, plan.logs()
            assert time.monotonic() < end, "the proxy does not listen"
            time.sleep(LOOK_S)
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
