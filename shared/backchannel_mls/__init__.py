"""RFC 9420 (Messaging Layer Security) for Python: a group's state as pure transitions.

See README.md beside this file for ten lines to a working group, the table of rules and what is
not claimed.

Everything stands in `backchannel_mls.api`, which is imported when the first name of it is asked for: a
server that reads framing alone (`backchannel_mls.wire`) loads nothing that could decrypt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backchannel_mls.api import *  # noqa: F403 - exactly what stands in its __all__
else:

    def __getattr__(name: str) -> object:
        """PEP 562: the rest of the package, with its first use."""
        api = import_module("backchannel_mls.api")
        offered = {"__all__": api.__all__, **{one: getattr(api, one) for one in api.__all__}}
        if name not in offered:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals().update(offered)
        return offered[name]

    def __dir__() -> list[str]:
        return sorted(import_module("backchannel_mls.api").__all__)
