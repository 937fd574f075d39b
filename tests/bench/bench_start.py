"""The benchmark of starting: one JSON object on stdout.

python3 run.py bench start [--quick] [--json FILE]

Seconds from starting the server's process to its first answer, on data that is there already; and of that,
in turns with it, what Python itself and importing the server's modules take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import aiohttp

from server.process_kit import process

STARTS: Final = 9
TARGET_S: Final = 1.0
IMPORT: Final = "import os, backchannel_server.__main__; os._exit(0)"
"""Ends at once: what Python tidies up at its end is no part of a start."""

NOTHING: Final = "import os; os._exit(0)"
LARGEST: Final = 12
"""How many of the modules that take longest to import are named."""


@dataclass(frozen=True)
class Report:
    """Medians. `imports_ms`: of the modules that take longest by themselves, without what they import."""

    seconds: float
    cores: int
    load_average: float
    start_s: float
    python_s: float
    importing_s: float
    imports_ms: dict[str, float]
    target_s: float
    met: bool


async def measure(starts: int) -> Report:
    """The first start of all makes the data and does not count."""
    begin = time.monotonic()
    whole, bare, importing = [], [], []
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "server"
        await start(data)
        for _ in range(starts):
            whole.append(await start(data))
            bare.append((await python(NOTHING))[0])
            importing.append((await python(IMPORT))[0])
    _, told = await python(IMPORT, "-X", "importtime")
    start_s = round(median(whole), 3)
    return Report(
        seconds=round(time.monotonic() - begin, 1),
        cores=os.cpu_count() or 1,
        load_average=round(os.getloadavg()[0], 2),
        start_s=start_s,
        python_s=round(median(bare), 3),
        importing_s=round(median(importing) - median(bare), 3),
        imports_ms=longest(told),
        target_s=TARGET_S,
        met=start_s <= TARGET_S,
    )


async def start(data: Path) -> float:
    """Seconds until the server has answered."""
    begin = time.perf_counter()
    async with process(data) as server:
        async with aiohttp.ClientSession() as http, http.get(server.url + "/readyz") as answer:
            assert answer.status == 200
        return time.perf_counter() - begin


async def python(program: str, *options: str) -> tuple[float, str]:
    """Seconds that a program takes, and what it told on stderr."""
    begin = time.perf_counter()
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *options,
        "-c",
        program,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    _, told = await started.communicate()
    assert started.returncode == 0, told
    return time.perf_counter() - begin, told.decode()


def longest(told: str) -> dict[str, float]:
    """Of what -X importtime tells: `import time: self [us] | cumulative | name`."""
    found: dict[str, float] = {}
    for line in told.splitlines():
        self_us, _, name = line.removeprefix("import time:").split("|")
        if self_us.strip().isdigit():
            found[name.strip()] = int(self_us) / 1000
    return dict(sorted(found.items(), key=lambda one: -one[1])[:LARGEST])


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures how long the server takes to start.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    report = asyncio.run(measure(1 if given.quick else STARTS))
    text = json.dumps(asdict(report), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
