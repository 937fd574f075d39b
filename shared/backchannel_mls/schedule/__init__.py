"""The key schedule, the secret tree and the transcript hashes (RFC 9420 sections 8 and 9)."""
