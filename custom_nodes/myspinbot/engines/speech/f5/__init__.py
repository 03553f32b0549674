"""F5-TTS: speech in a voice heard for a few seconds, by flow matching (Chen et al., arXiv:2410.06885)."""


class F5Error(ValueError):
    """The files are not a model that this engine can run, or don't belong together; the message is for the user."""
