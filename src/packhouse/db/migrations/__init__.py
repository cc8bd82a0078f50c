"""Numbered steps, forward only; run at start, on both dialects."""

HEAD = "0013"
