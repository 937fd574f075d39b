"""Logs: one JSON object a line, on standard error. Never an address, an id, a token or content.

Other people's messages may carry such things (aiohttp's name the peer), so of a foreign record
only the logger, the level and the kind of exception are written.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_OURS: Final = "backchannel_server"
_EXTRA: Final = ("fault", "count", "version")


class JsonFormatter(logging.Formatter):
    """A record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Our messages are constant sentences; what varies stands in the fields of `_EXTRA`."""
        ours = record.name.split(".")[0] == _OURS
        line: dict[str, str | int] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": str(record.msg) if ours else "said something that is not repeated here",
        }
        line |= {name: record.__dict__[name] for name in _EXTRA if ours and name in record.__dict__}
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(level: str) -> None:
    """The root logger of a process that is a server."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level="WARNING", handlers=[handler], force=True)
    logging.getLogger(_OURS).setLevel(level.upper())
