"""Settings: by flag, by environment (BACKCHANNEL_…), by `settings.toml` in the data folder, in this order.

Each has a type and a sentence that documents it. A setting that is unknown or cannot be used is
named in one line (`SettingsError`), and the server does not start.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from backchannel_protocol.limits import EVENTS_A_SECOND, REQUESTS_A_MINUTE

PREFIX: Final = "BACKCHANNEL_"
FILE: Final = "settings.toml"
_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
_SECRET: Final = frozenset({"database", "hints"})
"""Settings whose values are in no sentence: they may hold a password."""

DRIVER: Final = "postgresql+asyncpg"
_POSTGRESQL: Final = "it has to be postgresql://USER@HOST/NAME; without it, SQLite in the data folder is used"
_QUERY: Final[Mapping[str, tuple[str, ...]]] = {
    "host": (),  # the folder of a socket
    "port": (),
    "ssl": ("disable", "prefer", "require", "verify-ca", "verify-full"),
}
"""What may stand after the question mark of a database's URL; with its values, where they are few."""

MEMORY: Final = "memory"
POSTGRES: Final = "postgres"
MAX_WORKERS: Final = 64

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """One line for the person who starts the server."""


def default_data() -> Path:
    """Where a server keeps its data unless told otherwise."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "backchannel-server"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a host may set."""

    data: Path = field(
        default_factory=default_data,
        metadata={"doc": "Folder of database, keys and settings.toml; nobody but its owner may enter it."},
    )
    database: URL | None = field(
        default=None,
        metadata={
            "doc": "PostgreSQL, as postgresql://USER@HOST/NAME; else SQLite in the data folder. Never with a "
            "password here: in the environment, settings.toml, or PostgreSQL's own password file."
        },
    )
    hints: str | None = field(
        default=None,
        metadata={
            "doc": "How server processes tell each other of new events: postgres, nats://HOST or tls://HOST; "
            "memory for one process alone. [postgres with a database, else memory]"
        },
    )
    workers: int = field(
        default=1,
        metadata={"doc": "Server processes on this machine; more than one needs database."},
    )
    host: str = field(
        default="127.0.0.1",
        metadata={"doc": "Address to listen on. Other than loopback only with TLS or a proxy."},
    )
    port: int = field(default=8470, metadata={"doc": "Port to listen on; 0 takes a free one."})
    public_url: str | None = field(
        default=None, metadata={"doc": "URL under which people reach the server, for links."}
    )
    tls_cert: Path | None = field(default=None, metadata={"doc": "File with the certificate chain (PEM)."})
    tls_key: Path | None = field(
        default=None, metadata={"doc": "File with the certificate's private key (PEM)."}
    )
    behind_proxy: bool = field(
        default=False,
        metadata={"doc": "A proxy in front does TLS and, where it is in trusted_proxies, says who asks."},
    )
    trusted_proxies: tuple[Network, ...] = field(
        default=(ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128")),
        metadata={"doc": "Addresses and networks, with commas between, whose X-Forwarded-For is believed."},
    )
    requests_a_minute: int = field(
        default=REQUESTS_A_MINUTE,
        metadata={"doc": "Failed or unauthenticated requests that one address may make a minute."},
    )
    events_a_second: int = field(
        default=EVENTS_A_SECOND, metadata={"doc": "Events that one seat may submit a second, on average."}
    )
    connections: int = field(
        default=10_000,
        metadata={"doc": "Connections at the same time; fewer where the system allows fewer open files."},
    )
    sweep_interval_s: int = field(
        default=60, metadata={"doc": "How often retention is looked after, in seconds."}
    )
    log_level: LogLevel = field(
        default="info", metadata={"doc": "Least level that is logged: debug, info, warning or error."}
    )

    @property
    def hints_by(self) -> str:
        """MEMORY, POSTGRES, or the URL of a NATS server."""
        return self.hints or (MEMORY if self.database is None else POSTGRES)

    @property
    def url(self) -> str:
        """Where people reach the server, as far as the settings say."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The same, for a port that was free."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_cert else 'http'}://{host}:{port}"


def flag(name: str) -> str:
    """--like-this."""
    return "--" + name.replace("_", "-")


def load_settings(flags: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """Flags (by setting's name) before environment before file. Raises SettingsError."""
    known = {one.name for one in fields(Settings)}
    from_environment = _read_environment(environment, known)
    given: dict[str, Any] = {}
    for source, values in (("environment", from_environment), ("flags", flags)):
        given |= {name: _parse(name, value, source) for name, value in values.items()}
    if "database" in flags:
        _verify_no_password("database", given["database"].password)
    if "hints" in flags:
        _verify_no_password("hints", urlsplit(given["hints"]).username)
    data = given.get("data", default_data())
    from_file = _read_file(data / FILE, known)
    settings = Settings(**(from_file | given))
    verify_settings(settings)
    return settings


def verify_settings(settings: Settings) -> None:
    """Raises SettingsError for what does not go together."""
    if not 0 <= settings.port <= 65535:
        raise SettingsError(f"port is {settings.port}; it has to be between 0 and 65535")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("tls_cert and tls_key have to be given together")
    for name, path in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        if path is not None and not path.is_file():
            raise SettingsError(f"{name}: there is no file {path}")
    for name in ("requests_a_minute", "events_a_second", "connections", "sweep_interval_s", "workers"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"{name} has to be at least 1")
    if settings.workers > MAX_WORKERS:
        raise SettingsError(f"workers is {settings.workers}; it may be {MAX_WORKERS} at most")
    if settings.workers > 1 and settings.hints_by == MEMORY:
        raise SettingsError("more than one of workers needs database, and hints other than memory")
    if settings.database is None and settings.hints_by != MEMORY:
        raise SettingsError("hints of other processes need database: SQLite is for one process alone")
    if settings.public_url is not None:
        _verify_public_url(settings.public_url)
    if settings.tls_cert is None and not settings.behind_proxy and not is_loopback(settings.host):
        raise SettingsError(
            f"host is {settings.host}, which others can reach, without TLS: browsers switch their "
            "cryptography off there; give tls_cert and tls_key, or behind_proxy if a proxy in front does TLS"
        )


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _verify_public_url(url: str) -> None:
    """https, but for this machine itself and onion services, which encrypt on their own."""
    try:
        parts = urlsplit(url)
        host, known_port = parts.hostname or "", parts.port != 0
    except ValueError:  # brackets that do not match, a port that is none
        parts, host, known_port = urlsplit(""), "", False
    if not known_port or parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise SettingsError(f"public_url {url!r} is not an http or https URL")
    if parts.scheme == "http" and not is_loopback(host) and not host.endswith(".onion"):
        raise SettingsError(
            f"public_url {url!r} is without TLS: browsers switch their cryptography off there"
        )


def _verify_no_password(name: str, password: str | None) -> None:
    if password is not None:
        other = ", or the password in the file that PGPASSFILE names" if name == "database" else ""
        raise SettingsError(
            f"{name} has a password on the command line, which everybody on this machine can read; give the "
            f"URL as {PREFIX}{name.upper()} or in {FILE}{other}"
        )


def _read_environment(environment: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """Other programs of ours have names with this prefix too: only what looks like ours is refused."""
    found: dict[str, str] = {}
    for variable, value in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX):
            continue
        if name in known:
            found[name] = value
        elif close := get_close_matches(name, known, n=1, cutoff=0.75):
            raise SettingsError(f"{variable}: there is no such setting; {PREFIX}{close[0].upper()} is one")
    return found


def _read_file(path: Path, known: set[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise SettingsError(f"{path} cannot be read: {error}") from None
    unknown = sorted(content.keys() - known)
    if unknown:
        raise SettingsError(f"{path}: there is no setting {unknown[0]!r}")
    if "data" in content:
        raise SettingsError(f"{path}: data cannot be set in the data folder's own file")
    return {name: _parse(name, str(value), str(path)) for name, value in content.items()}


def _parse(name: str, value: str, source: str) -> object:
    """A value as its setting's type."""
    parser = _PARSERS.get(name, str)
    try:
        return parser(value)
    except ValueError as error:
        shown = "" if name in _SECRET else f" is {value!r}"
        raise SettingsError(f"{name}{shown} ({source}); {error}") from None


def _parse_int(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("it has to be a whole number") from None


def _parse_bool(value: str) -> bool:
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if value.lower() not in known:
        raise ValueError("it has to be true or false")
    return known[value.lower()]


def _parse_level(value: str) -> str:
    if value.lower() not in get_args(LogLevel):
        raise ValueError(f"it has to be one of {', '.join(get_args(LogLevel))}")
    return value.lower()


def _parse_networks(value: str) -> tuple[Network, ...]:
    try:
        networks = tuple(ipaddress.ip_network(word.strip()) for word in value.split(",") if word.strip())
    except ValueError:
        raise ValueError("it has to be addresses or networks, such as 10.0.0.2 or 10.0.0.0/24") from None
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("a network of all addresses would let everybody say who asks")
    return networks


def _parse_database(value: str) -> URL:
    """As it is opened. What the driver does not know, or would take a password from, is refused."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):  # no URL at all, a port that is none
        raise ValueError(_POSTGRESQL) from None
    if url.drivername not in ("postgresql", DRIVER) or not url.database:
        raise ValueError(_POSTGRESQL)
    for name, said in url.query.items():
        if name not in _QUERY or (_QUERY[name] and said not in _QUERY[name]):
            raise ValueError(f"after the question mark may stand {', '.join(_QUERY)}, as OPERATIONS.md says")
    return url.set(drivername=DRIVER)


def _parse_hints(value: str) -> str:
    if value in (MEMORY, POSTGRES):
        return value
    try:
        parts = urlsplit(value)
        place = parts.hostname if parts.port != 0 else None
    except ValueError:  # brackets that do not match, a port that is none
        parts, place = urlsplit(""), None
    beyond = parts.path.strip("/") or parts.query or parts.fragment
    if not place or beyond or parts.scheme not in ("nats", "tls"):
        raise ValueError("it has to be memory, postgres, nats://HOST or tls://HOST")
    return value


def _parse_path(value: str) -> Path:
    return Path(value).expanduser().absolute()


_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "data": _parse_path,
    "database": _parse_database,
    "hints": _parse_hints,
    "workers": _parse_int,
    "port": _parse_int,
    "tls_cert": _parse_path,
    "tls_key": _parse_path,
    "behind_proxy": _parse_bool,
    "trusted_proxies": _parse_networks,
    "requests_a_minute": _parse_int,
    "events_a_second": _parse_int,
    "connections": _parse_int,
    "sweep_interval_s": _parse_int,
    "log_level": _parse_level,
}


def parse_flags(words: Sequence[str]) -> dict[str, str]:
    """`--name value`, `--name=value`; a true-or-false setting may stand alone. Raises SettingsError."""
    types = {flag(one.name): one for one in fields(Settings)}
    given: dict[str, str] = {}
    waiting = list(words)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        setting = types.get(name)
        if setting is None:
            raise SettingsError(f"there is no setting {name!r}; --help names them all")
        if not equals:
            if setting.default is False and (not waiting or waiting[0].startswith("--")):
                value = "true"
            elif not waiting:
                raise SettingsError(f"{name} needs a value")
            else:
                value = waiting.pop(0)
        given[setting.name] = value
    return given


def describe_settings() -> str:
    """Every setting, as --help shows it."""
    lines = []
    for one in fields(Settings):
        default = default_data() if one.name == "data" else one.default
        lines.append(f"  {flag(one.name):22} {one.metadata['doc']}{_shown(default)}")
    return "\n".join(lines)


def _shown(default: object) -> str:
    """A default as one would give it."""
    match default:
        case None:
            return ""
        case False:
            return " [false]"
        case tuple():
            return f" [{','.join(map(str, default))}]"
        case _:
            return f" [{default}]"
