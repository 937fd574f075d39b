"""The command line: `backchannel`."""

from backchannel.cli.app import main

__all__ = ["main"]
