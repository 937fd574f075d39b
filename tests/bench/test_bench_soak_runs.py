"""The soak runs, its JSON is whole, and its plot is one. Whether anything grows is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from bench.bench_soak import WATCHED, Report
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_soak.py")
TIMEOUT_S = 240


def test_report_and_plot_are_whole(tmp_path: Path) -> None:
    drawing = tmp_path / "soak.svg"
    words = ("--quick", "--plot", str(drawing))
    done = subprocess.run(
        [sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    assert set(report["growth"]) == set(WATCHED)
    assert report["done"]["events"] > 0
    assert report["done"]["knocks"] > 0
    lines = ElementTree.fromstring(drawing.read_text()).iter("{http://www.w3.org/2000/svg}polyline")
    assert len(list(lines)) == len(WATCHED)
