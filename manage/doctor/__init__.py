"""Says what a machine can run, and what it lacks for the rest."""
