"""Infilling prompts on token ids: layouts, encoding, healing. Pure: no I/O, no asyncio."""
