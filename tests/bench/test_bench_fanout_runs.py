"""The benchmark of fan-out runs, its JSON is whole, its drawing XML. How fast anything is, is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.bench_fanout import QUICK, Report
from bench.crowd import shares
from bench.plot import LINES, draw
from bench.test_bench_runs import check

SCRIPT = Path(__file__).with_name("bench_fanout.py")
TIMEOUT_S = 280
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.timeout(TIMEOUT_S + 20)
def test_report_is_whole(tmp_path: Path) -> None:
    drawing = tmp_path / "growth.svg"
    words = [sys.executable, str(SCRIPT), "--quick", "--plot", str(drawing)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # one JSON object and nothing else
    check(report, Report, "report")
    for by_members in report["beside"].values():
        assert list(by_members) == [str(members) for members in QUICK.members]
        for by_window in by_members.values():
            assert list(by_window) == [str(window) for window in QUICK.windows]
            for one in by_window.values():
                assert one["server"]["events"] == one["bare"]["events"]
    if "postgresql" in report["beside"]:
        assert list(report["processes"]) == [str(count) for count in QUICK.processes]
    lines = ET.parse(drawing).getroot().iter(f"{SVG}polyline")
    assert len(list(lines)) == len(LINES) * len(report["growth"])


def test_senders_share_the_events() -> None:
    assert shares(12, 5) == [3, 3, 2, 2, 2]
    assert shares(3, 5) == [1, 1, 1, 0, 0]


def test_a_cost_that_stays_is_drawn_level() -> None:
    stays = dict.fromkeys(LINES, 2.0)
    drawing = ET.fromstring(draw({"a < b": {"1": stays, "10": stays, "100": stays}}))
    for line in drawing.iter(f"{SVG}polyline"):
        places = [place.split(",") for place in line.attrib["points"].split()]
        assert len({y for _, y in places}) == 1
        steps = [float(x) for x, _ in places]
        assert steps[1] - steps[0] == pytest.approx(steps[2] - steps[1])
    assert "a < b" in [text.text for text in drawing.iter(f"{SVG}text")]
