"""Talking to a model: the protocol, the engine process and its client.

Nothing here knows LSP; only `worker/` knows llama.cpp.
"""
