"""What the pages say, out of their own catalogues: tests find things by what a person reads."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Final, Literal

import toolchain

WORDS: Final = Path(__file__).parents[3] / "client" / "web" / "src" / "view" / "words"

Language = Literal["en", "ar"]

_SCRIPT: Final = """
const [file, path, given] = process.argv.slice(1)
Object.defineProperty(globalThis, "navigator", { value: { languages: [] }, configurable: true })
const module = await import(file)
const found = path.split(".").reduce((one, name) => one?.[name], Object.values(module)[0])
if (found === undefined) throw new Error("the catalogue has no " + path)
process.stdout.write(JSON.stringify(typeof found === "function" ? found(...JSON.parse(given)) : found))
"""


def said(language: Language, path: str, *given: str | int | list[str]) -> str:
    """One sentence of a catalogue, with what is put into it."""
    return _said(language, path, json.dumps(given))


@cache
def _said(language: Language, path: str, given: str) -> str:
    """`path` as in `composer.send`. Plain text as screen readers have it."""
    file = (WORDS / f"{language}.ts").as_uri()
    done = subprocess.run(
        [str(toolchain.node()), "--no-warnings", "--input-type=module", "--eval", _SCRIPT, file, path, given],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sentence: str = json.loads(done.stdout)
    return sentence
