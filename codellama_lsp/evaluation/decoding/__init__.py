"""What a decode loop, its drafts and its interruption cost, beside the least that is possible."""
