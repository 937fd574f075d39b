"""What facilitators' clients do: answer knocks, approve, admit and remove (PROTOCOL.md, 10 and 11)."""
