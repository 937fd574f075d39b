"""`backchannel chat`: a room as a line client, at a terminal or through pipes."""
