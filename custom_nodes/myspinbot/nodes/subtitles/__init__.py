"""Subtitles as files and in the picture."""
