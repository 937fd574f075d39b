"""The benchmark of idle seats runs, and its JSON is whole. How much memory anything takes is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.bench_idle import QUICK, Report
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_idle.py")
TIMEOUT_S = 240


def test_report_is_whole() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    assert list(report["memory_kib"]) == [str(count) for count in QUICK]
    assert list(report["step_kib"]) == [str(count) for count in QUICK[1:]]
