"""The fold: every member's same room from the same log (PROTOCOL.md, sections 9 and 11). Pure."""
