"""What the server keeps on disk: tables, their migrations, and the one task that writes."""
