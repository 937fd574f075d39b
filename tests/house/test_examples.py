"""The examples in the documents run as they stand."""

import re
import subprocess
import sys

import pytest

from house.tree import ROOT

DOCUMENTS = ["README.md", "shared/backchannel_mls/README.md"]


def examples(document: str) -> list[str]:
    """The Python blocks of a document."""
    return re.findall(
        r"^```python\n(.*?)^```$", (ROOT / document).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_run(document: str) -> None:
    for example in examples(document):
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_package_shows_an_example() -> None:
    assert examples("shared/backchannel_mls/README.md")
