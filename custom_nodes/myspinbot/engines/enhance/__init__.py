"""A clip made better: upscaled, and its faces restored."""
