"""The server of Backchannel: it orders, stores and fans out what it cannot read (PROTOCOL.md).

Floors, top down: app > ws | http > actions | record > enforce > fanout | storage > config.
"""

__version__ = "0.1.0"
