"""The ratchet tree: its shape, hashes, validity and update paths (RFC 9420 sections 4, 7 and C)."""
