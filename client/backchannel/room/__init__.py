"""One room as this client sees it: keys, view, and the pure step from event to event."""
