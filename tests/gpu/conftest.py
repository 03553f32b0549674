"""Tests that need an NVIDIA card are collected only where there is one."""

import torch

collect_ignore_glob = [] if torch.cuda.is_available() else ["test_*.py"]
