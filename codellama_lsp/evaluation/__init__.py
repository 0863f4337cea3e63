"""Benchmarks: what the shipped pipeline gets right, beside a peer in the same run."""
