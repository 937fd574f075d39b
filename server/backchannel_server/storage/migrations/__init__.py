"""Alembic's environment; run by `backchannel_server.storage.migrate`, never by hand."""
