"""`python -m runner` is `myspinbot`."""

from .cli import main

main()
