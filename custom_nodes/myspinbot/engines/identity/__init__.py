"""From a handful of pictures of a person to a training set and a LoRA."""
