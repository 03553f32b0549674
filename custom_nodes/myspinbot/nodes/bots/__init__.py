"""Bots: saved, loaded, applied."""
