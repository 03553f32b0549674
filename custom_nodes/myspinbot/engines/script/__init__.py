"""A topic into what the camera sees and what the bot says: a local language model, or a template."""
