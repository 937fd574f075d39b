"""Coverage-guided fuzzing with atheris (libFuzzer): not part of the tests, runs until it is stopped.

    python tests/fuzz/atheris_mls.py [--suite 1] [--seed 1] [libFuzzer's own options, such as -runs=100000]

The first byte of an input chooses one of the scenario's targets, the rest is the message. Inputs to
begin with are the real messages, written into build/fuzz/ (not tracked), where libFuzzer adds
those that reach new code. An input that makes anything but RemoteError come out stops it, and is kept
in build/.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MISSING = "atheris is not installed: pip install 'backchannel[fuzz]' (Linux on x86-64 only)"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Fuzz backchannel_mls with atheris.", allow_abbrev=False)
    parser.add_argument("--suite", type=int, default=1, help="the cipher suite (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the scenario (default: 1)")
    chosen, rest = parser.parse_known_args(arguments)
    try:
        import atheris  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        sys.stderr.write(f"{MISSING}\n")
        return 2
    sys.path[:0] = [str(ROOT / "shared"), str(ROOT / "tests")]
    with atheris.instrument_imports(include=["backchannel_mls"]):
        from fuzz.scenario import build_scenario
    from fuzz.test_mutations import check, handle

    targets = build_scenario(chosen.suite, chosen.seed).targets
    originals = [handle(target, target.message) for target in targets]
    corpus = ROOT / "build" / "fuzz"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, target in enumerate(targets):
        (corpus / f"target-{number}").write_bytes(bytes((number,)) + target.message)

    def one_input(data: bytes) -> None:
        if len(data) > 1:
            target = targets[data[0] % len(targets)]
            check(target, data[1:], originals, target.name)

    atheris.Setup([sys.argv[0], f"-artifact_prefix={corpus.parent}/", *rest, str(corpus)], one_input)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
