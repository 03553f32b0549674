"""Write Script."""
