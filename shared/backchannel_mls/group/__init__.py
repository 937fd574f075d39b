"""A member's view of a group, and the transitions from one state to the next."""
