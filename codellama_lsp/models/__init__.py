"""Which model files there are, where they lie and what is in them."""
