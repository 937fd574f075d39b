"""The profile: everything that a client keeps, sealed, in one SQLite file or in memory."""
