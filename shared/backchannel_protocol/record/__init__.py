"""The record: a C2SP transparency log for each room (PROTOCOL.md, section 13)."""
