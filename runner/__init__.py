"""Runs ComfyUI workflows headless: workflow file -> server -> files on disk."""

from __future__ import annotations
