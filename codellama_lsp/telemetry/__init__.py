"""Local counters and logs; nothing of the user's code, nothing over a network."""
