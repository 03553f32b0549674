"""Voices to speak with: the best seconds of a recording, checked, with their words, in one file."""
