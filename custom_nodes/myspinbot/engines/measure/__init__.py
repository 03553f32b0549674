"""Measures of a talking clip that need no weights: lips and sound, eyes, steadiness, sharpness, loudness."""
