"""Training an identity from pictures."""
