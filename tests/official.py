"""The official MLS test vectors, which lie beside the checkout rather than in it (they are large)."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BACKCHANNEL_SHARED") or ROOT.parent / "shared")
VECTORS = SHARED / "vectors" / "mls"


def official_vectors(name: str) -> Any:
    """The parsed JSON of the mls-implementations file `name`.json; each file has its own shape.

    Skips where the files are not there, also when called while a module is being imported. Set
    BACKCHANNEL_SHARED to the folder that holds vectors/mls where it is not ../shared.
    """
    path = VECTORS / f"{name}.json.gz"
    if not path.exists():
        pytest.skip(f"no official vectors here: {path} is missing", allow_module_level=True)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)
