"""Bots on this disk: listed, taken along as one file, brought in, removed."""
