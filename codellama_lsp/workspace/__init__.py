"""A server's side of its workspace: index processes, and what they chose for open documents."""
