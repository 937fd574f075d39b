"""The page "what the server sees": made of the tables themselves, so that it cannot be out of date."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from sqlalchemy import Table

from backchannel_server.storage.tables import metadata

STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui;max-inline-size:48rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;inline-size:100%}"
    "th,td{text-align:start;vertical-align:top;padding:.2rem .8rem .2rem 0}"
)

STYLE_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""For the Content-Security-Policy."""

_PASSING: Final = (
    (
        "While a device is connected: that its network address talks to this room, and when. Addresses are "
        "kept in memory alone, to limit how often one may fail, and are in no table and no log."
    ),
    "How large each encrypted piece is: messages are padded to a few sizes.",
    "How many rooms, connections and events there are in all (/metrics).",
)


def render_sights() -> str:
    """An HTML page."""
    tables = "".join(_render(table) for table in metadata.sorted_tables)
    passing = "".join(f"<li>{escape(line)}</li>" for line in _PASSING)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>What the server sees</title><style>{STYLE}</style></head><body>"
        "<h1>What the server sees</h1>"
        "<p>This is all that the server keeps. Names, titles, parties, roles, messages, reactions, polls and "
        "reasons are encrypted on the devices of those who take part, and the server has no key to them.</p>"
        f"{tables}<h2>In passing, never written</h2><ul>{passing}</ul></body></html>"
    )


def _render(table: Table) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(column.name)}</th><td>{escape(column.comment or '')}</td></tr>"
        for column in table.columns
    )
    return f"<h2>{escape(table.name)}</h2><p>{escape(table.comment or '')}</p><table>{rows}</table>"
