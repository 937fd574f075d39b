"""From the log to everybody who is attached: encoded once, queued for each, waited for by nobody."""
