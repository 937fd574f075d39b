"""The examples in the documents run as they stand."""

import re
import subprocess
import sys

import pytest

from house.tree import ROOT

DOCUMENTS = ["README.md", "shared/backchannel_mls/README.md"]


BOT = "room.heard()"
"""What is in the block that needs a server and an invitation: tests/e2e/test_readme_bot.py runs it."""


def examples(document: str) -> list[str]:
    """The Python blocks of a document that run by themselves."""
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / document).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return [block for block in blocks if BOT not in block]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_run(document: str) -> None:
    for example in examples(document):
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_package_shows_an_example() -> None:
    assert examples("shared/backchannel_mls/README.md")
