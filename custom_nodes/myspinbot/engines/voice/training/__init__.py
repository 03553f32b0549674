"""Few-shot training of a voice: an adapter learns from clips what ten seconds of reference can't tell."""
