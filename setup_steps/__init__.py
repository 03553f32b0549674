"""What `install.py` does, step by step, with the standard library alone."""
