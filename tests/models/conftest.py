"""Make the training scripts importable, and skip what they need that is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "models" / "tiny"
sys.path.insert(0, str(SCRIPTS))
