"""Upscaling and face restoring."""
