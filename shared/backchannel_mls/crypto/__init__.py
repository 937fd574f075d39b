"""Cipher suites: primitives from `cryptography`, the labelled functions of RFC 9420 section 5."""
