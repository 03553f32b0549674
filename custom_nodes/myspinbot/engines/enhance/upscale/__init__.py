"""Upscaling a clip: work only where the picture changes."""
