"""The draft talking head."""
