"""`python -m backchannel_server`: what `run.py serve` starts.

Importing makes a hundred thousand objects that all stay: to look for garbage among them, again and again,
would be a tenth of the start, and a part of every later look.
"""

from __future__ import annotations

import gc
import sys

gc.disable()

from backchannel_server.command import main  # noqa: E402 - see above

gc.freeze()
gc.enable()

if __name__ == "__main__":
    sys.exit(main())
