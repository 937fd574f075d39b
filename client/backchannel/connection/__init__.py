"""To a server and back: the WebSocket of one seat, and the few HTTP requests (PROTOCOL.md, 4 and 12)."""
