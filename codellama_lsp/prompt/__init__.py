"""Infilling prompts on token ids: layouts, encoding, healing. Pure functions, no I/O, no asyncio."""
