"""The benchmark of starting runs, and its JSON is whole. How fast anything is, is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.bench_start import LARGEST, Report, longest
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_start.py")
TIMEOUT_S = 240


def test_report_is_whole() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    assert len(report["imports_ms"]) == LARGEST


def test_what_python_tells_of_imports_is_read() -> None:
    told = """import time: self [us] | cumulative | imported package
import time:       120 |        120 |   inner
import time:      3400 |       3520 | outer
"""
    assert longest(told) == {"outer": 3.4, "inner": 0.12}
