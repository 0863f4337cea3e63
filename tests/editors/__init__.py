"""Real editors, driven by tests; each test skips where its editor is not installed."""
