"""Voice profiles: built, loaded, trained."""
