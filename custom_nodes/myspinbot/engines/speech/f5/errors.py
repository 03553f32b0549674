"""What can go wrong with a model of F5-TTS, in words for its user."""


class F5Error(ValueError):
    """The files are not a model that this engine can run, or don't belong together."""
