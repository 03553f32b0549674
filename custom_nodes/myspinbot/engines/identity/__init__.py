"""From a handful of pictures of a person to what a LoRA is trained on, and what is kept of the training."""
