"""Typing traces: what a keystroke costs, beside a peer in the same run."""
