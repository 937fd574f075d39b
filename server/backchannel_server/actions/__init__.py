"""The only way to write: each do_… is one request to the committer, settled once it is on disk."""
