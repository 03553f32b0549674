"""`python -m myspinbot_runner` is `myspinbot`."""

from .cli import main

main()
