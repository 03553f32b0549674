"""A clip made better: upscaled, faces restored."""
