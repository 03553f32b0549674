"""InfiniteTalk."""
