#!/usr/bin/env python3
"""Sets everything up in .venv, then runs one command. Needs Python 3.11 or newer and nothing else.

    python3 run.py serve [SETTING...]    the server; `python3 run.py serve --help` lists its settings
    python3 run.py test [ARGUMENT...]    all tests; arguments go to pytest (-n 0 runs them in one process)
    python3 run.py bench [ARGUMENT...]   the benchmark of MLS; arguments go to tests/bench/bench_mls.py
    python3 run.py bench NAME [...]      fanout, idle, start, catchup, join, soak, web: tests/bench/README.md

What is installed is exactly what the lock file names, by hash. A second run with nothing changed starts at
once.
"""
# Only the standard library here, and only syntax that Python 3.6 can parse: an old Python must get as far as
# the sentence that says so.

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    found = "{}.{} ({})".format(*sys.version_info[:2], sys.executable)
    sys.exit("run.py: Python 3.11 or newer is needed; this is " + found)

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
RUN_LOCK = ROOT / "deploy" / "requirements.lock"
TEST_LOCK = ROOT / "tests" / "requirements.lock"  # holds all of the other, and what the tests need
BENCHES = ROOT / "tests" / "bench"
BENCH_NAMES = ("mls", "fanout", "idle", "start", "catchup", "join", "soak", "web")
NODE_LOCK = ROOT / "deploy" / "node.lock"  # Node, to build the web client with where the system has none
BUILD_HOOK = ROOT / "hatch_build.py"
WEB = ROOT / "client" / "web"
PIP_INSTALL = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--no-user")
WORKERS_MOST = 8  # more pytest workers than this cost more to start than they save


class SetupError(Exception):
    """Ends the run: `sentence` goes to the person (none where a program run has already spoken)."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


def say(sentence: str) -> None:
    print(f"run.py: {sentence}", file=sys.stderr, flush=True)


def call(*words: "str | Path", doing: str) -> None:
    """Runs a program to its end, its output visible; a failure of it ends the run."""
    try:
        code = subprocess.call([str(word) for word in words], cwd=ROOT, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SetupError(f"{doing} failed: {error}") from error
    if code != 0:
        raise SetupError(f"{doing} failed; what it said stands above")


def install_ensurepip() -> None:
    """Installs ensurepip, which Debian's Python comes without, as root; else says the line to type."""
    lack = f"{sys.executable} lacks ensurepip"
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    if os.name != "posix" or not shutil.which("apt-get"):
        raise SetupError(f"{lack}: install your system's package for venv")
    if os.geteuid() != 0:
        raise SetupError(f"{lack}. Type: sudo apt-get install {package}")
    say(f"{lack}: installing Debian's {package}")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    call("apt-get", "update", "-q", doing="apt-get update")
    call("apt-get", "install", "-qy", "--no-install-recommends", package, doing=f"apt-get install {package}")


def make_venv() -> None:
    """Makes .venv anew unless the one there was finished, by this same Python, for this same folder."""
    stamp = VENV / ".made-by-run.py"
    want = "\n".join((sys.version, sys.base_prefix, str(VENV)))
    if read(stamp) == want and PYTHON.exists():
        return
    if Path(sys.prefix).resolve() == VENV:
        raise SetupError(".venv has to be made anew, which its own Python cannot do: deactivate it")
    if VENV.exists():
        say("making .venv anew: it is unfinished, or was made by another Python or in another place")
        shutil.rmtree(VENV)
    if importlib.util.find_spec("ensurepip") is None:
        install_ensurepip()
    say("creating .venv")
    call(sys.executable, "-m", "venv", VENV, doing="creating .venv")
    stamp.write_text(want, encoding="utf-8")


def set_up(lock: Path) -> None:
    """Brings .venv to what the lock file and pyproject.toml say; does nothing where it already is."""
    with only_one_run():
        make_venv()
        stamp = VENV / ".installed-by-run.py"
        if read(stamp) in {installed(TEST_LOCK), installed(lock)}:
            return
        say("installing what is locked, and building the web client (the first time takes a minute or two)")
        # wheels only: building a source package would fetch build tools that no lock file names
        locked = ("--only-binary", ":all:", "--require-hashes", "--requirement")
        call(PYTHON, *PIP_INSTALL, *locked, lock, doing="installing the dependencies")
        if building_needs_node():
            call(PYTHON, *PIP_INSTALL, *locked, NODE_LOCK, doing="installing Node")
        # no isolation: the build backend is among the locked packages
        ours = ("--no-deps", "--no-build-isolation", "--editable", ROOT)
        call(PYTHON, *PIP_INSTALL, *ours, doing="installing backchannel")
        stamp.write_text(installed(lock), encoding="utf-8")


def building_needs_node() -> bool:
    """Whether the web client is to be built, and the system has no Node to do it with."""
    asked = subprocess.run([str(PYTHON), str(BUILD_HOOK)], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return bool(asked.stdout.strip())


def installed(lock: Path) -> str:
    """What the stamp says where a lock file and the web client, as they are now, were installed."""
    inputs = (lock, ROOT / "pyproject.toml", Path(__file__), BUILD_HOOK, *web_sources())
    parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs]
    return " ".join((*parts[:4], hashlib.sha256("".join(parts[4:]).encode()).hexdigest()))


def web_sources() -> "Iterator[Path]":
    """What the web client is built of, as hatch_build.py has it."""
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(set(folders) - {"node_modules", "tests"})
        yield from (Path(folder) / name for name in sorted(files) if name != ".npm-ci.lock")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@contextlib.contextmanager
def only_one_run() -> "Iterator[None]":
    """Makes a second run that starts meanwhile wait until the first has set everything up."""
    with (ROOT / ".venv.lock").open("a") as lock:
        if os.name == "posix":
            import fcntl  # noqa: PLC0415 - Windows has none; there, two first runs at once are not guarded

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file releases it


def become(*words: "str | Path") -> int:
    """Runs the command itself in place of this process, so that signals and the exit code are its own."""
    line = [str(word) for word in words]
    os.chdir(ROOT)
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(line[0], line)  # noqa: S606 - no shell is wanted
    return subprocess.call(line)


def serve(arguments: "list[str]") -> int:
    set_up(RUN_LOCK)
    return become(PYTHON, "-m", "backchannel.cli", "serve", *arguments)


def test(arguments: "list[str]") -> int:
    set_up(TEST_LOCK)
    # one more than there are cores: many tests wait, for servers and for browsers
    workers = str(min(WORKERS_MOST, (os.cpu_count() or 1) + 1))
    # pytest takes the last of an option given twice: the person's arguments win
    return become(PYTHON, "-m", "pytest", "-n", workers, "--dist", "worksteal", *arguments)


def bench(arguments: "list[str]") -> int:
    which = "mls"
    if arguments and arguments[0] in BENCH_NAMES:
        which, *arguments = arguments
    script = BENCHES / f"bench_{which}.py"
    if not script.exists():
        raise SetupError(f"there is no such benchmark here: {script} is missing", code=2)
    set_up(TEST_LOCK)
    return become(PYTHON, script, *arguments)


COMMANDS = {"serve": serve, "test": test, "bench": bench}


def main(arguments: "list[str]") -> int:
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        raise SetupError(f"there is no command {arguments[0]!r}; there are: {', '.join(COMMANDS)}", code=2)
    return command(arguments[1:])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        say(error.sentence)
        sys.exit(error.code)
    except OSError as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
