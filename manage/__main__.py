"""`python -m myspinbot_manage` is `myspinbot`."""

from .cli import main

main()
