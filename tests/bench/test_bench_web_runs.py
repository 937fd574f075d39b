"""The benchmark of the web client runs, and its JSON is whole. How fast anything is, is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import chromium
from bench.bench_web import QUICK, TARGETS, Report
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_web.py")
TIMEOUT_S = 280


@pytest.mark.timeout(TIMEOUT_S + 20)
def test_report_is_whole() -> None:
    chromium.executable()  # skips where there is none
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    assert list(report["met"]) == list(TARGETS)
    assert 0 < report["bytes"]["first_screen_bytes"] < report["bytes"]["everything_bytes"]
    assert report["long_room"]["messages"] == QUICK.messages + 1
    assert report["delivery"]["messages"] == QUICK.deliveries
