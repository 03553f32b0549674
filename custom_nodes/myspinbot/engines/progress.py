"""How an engine tells how far it is, and is told to stop."""

from collections.abc import Callable

OnStep = Callable[[int, int], None]
"""Called with the steps done and the steps in all; what it raises ends the work."""
