"""Nodes that measure clips."""
