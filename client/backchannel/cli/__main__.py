"""`python -m backchannel.cli`."""

from __future__ import annotations

import sys

from backchannel.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
