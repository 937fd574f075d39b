"""The benchmark of coming in runs, and its JSON is whole. How fast anything is, is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.bench_join import QUICK, Report
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_join.py")
TIMEOUT_S = 240


def test_report_is_whole() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    assert report["people"] == QUICK
    for admission in (report["first"], report["last"]):
        letter = admission["letter"]
        assert letter["all"] > letter["welcome"] + letter["tree"] + letter["state"]
