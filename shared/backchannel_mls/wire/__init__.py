"""The wire types of RFC 9420: parsed, not verified. Each has `parse(reader)` and `encode()`.

Types that are hashed or signed keep the bytes they were parsed from, so that nothing is encoded
twice and what is verified is what was received; `encode()` of a type made from its fields
computes them. Equality compares fields.
"""
