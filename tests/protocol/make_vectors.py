"""Makes tests/protocol/vectors/*.json: `python tests/protocol/make_vectors.py`; `--check` compares only."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.exit(import_module("protocol.vector_files").main(sys.argv[1:]))
