"""`python -m myspinbot_runner` has the runner's own commands; `python -m myspinbot_manage` is all of `myspinbot`."""

from .cli import main

main()
