"""Draws how costs grow, as SVG: `python tests/bench/plot.py REPORT.json OUT.svg`, of bench_fanout's report.

One panel for each thing that grows; both axes are logarithmic, so a straight level line is a cost that stays.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, TypeAlias

Panel: TypeAlias = Mapping[str, Mapping[str, float]]
"""Figures, by how many there are."""

LINES: Final = {
    "cpu_us": ("server's processor, µs a delivery", "#0b6e4f"),
    "p50_ms": ("half of all are heard within, ms", "#1f4e9c"),
    "p99_ms": ("99 of 100 are heard within, ms", "#b3541e"),
}
WIDTH: Final = 340
HEIGHT: Final = 260
MARGIN: Final = 46
LEGEND: Final = 66
LEAST: Final = 0.01
"""What is smaller is drawn there: a logarithm has no zero."""


def draw(growth: Mapping[str, Panel]) -> str:
    """An SVG document."""
    largest = max(figures[name] for panel in growth.values() for figures in panel.values() for name in LINES)
    smallest = min(figures[name] for panel in growth.values() for figures in panel.values() for name in LINES)
    low, high = math.floor(_log(smallest)), max(math.ceil(_log(largest)), math.floor(_log(smallest)) + 1)
    panels = [
        f'<g transform="translate({at * WIDTH},0)">{_panel(name, panel, low, high)}</g>'
        for at, (name, panel) in enumerate(growth.items())
    ]
    legend = [
        f'<text x="{MARGIN}" y="{HEIGHT + 18 + 18 * at}" fill="{colour}">● {escape(words)}</text>'
        for at, (words, colour) in enumerate(LINES.values())
    ]
    size = f'width="{WIDTH * len(growth)}" height="{HEIGHT + LEGEND}"'
    style = 'font-family="sans-serif" font-size="12"'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    inside = "".join((ground, *panels, *legend))
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{inside}</svg>\n'


def _panel(name: str, panel: Panel, low: int, high: int) -> str:
    counts = [int(count) for count in panel]
    left, right = _log(counts[0]), max(_log(counts[-1]), _log(counts[0]) + 1)

    def place(count: int, value: float) -> tuple[float, float]:
        x = MARGIN + (_log(count) - left) / (right - left) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - (_log(value) - low) / (high - low) * (HEIGHT - 2 * MARGIN)
        return round(x, 1), round(y, 1)

    parts = [f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-weight="bold">{escape(name)}</text>']
    for power in range(low, high + 1):
        y = place(counts[0], 10.0**power)[1]
        parts.append(f'<path d="M{MARGIN} {y}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>')
    for count in counts:
        x = place(count, 10.0**low)[0]
        parts.append(f'<text x="{x}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{count:,}</text>')
    for line, (_, colour) in LINES.items():
        parts.append(_line([place(int(count), figures[line]) for count, figures in panel.items()], colour))
    return "".join(parts)


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _log(value: float) -> float:
    return math.log10(max(value, LEAST))


def main(report: str, drawing: str) -> None:
    """Reads the one, writes the other."""
    growth = json.loads(Path(report).read_text(encoding="utf-8"))["growth"]
    Path(drawing).write_text(draw(growth), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
