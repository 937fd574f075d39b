"""What a seat may do, as far as the server can see: pure functions, no I/O, no clock."""
