"""The language server: the only place that imports pygls or lsprotocol. One file per method."""
