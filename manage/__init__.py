"""What the `myspinbot` command manages on this machine: models, bots, unfinished work; and what it can run."""
