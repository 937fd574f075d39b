"""What Backchannel's servers and clients agree on: PROTOCOL.md in code. No I/O, no clock."""
