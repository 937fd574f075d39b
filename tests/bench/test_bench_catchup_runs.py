"""The benchmark of catching up runs, and its JSON is whole. How fast anything is, is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.bench_catchup import QUICK, Report
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_catchup.py")
TIMEOUT_S = 240


def test_report_is_whole() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    assert list(report["suites"]) == [str(suite) for suite in QUICK.suites]
    for suite in report["suites"].values():
        assert list(suite) == [str(events) for events in QUICK.events]
        assert all(caught["events"] >= int(events) for events, caught in suite.items())
