"""The server's record key, and the checkpoints that it signs (PROTOCOL.md, section 13)."""
