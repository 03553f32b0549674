"""F5-TTS: speech in a voice heard for a few seconds, by flow matching (Chen et al., arXiv:2410.06885)."""
