"""Nodes for the tests only: they fail, stall and flood in the ways that real nodes do."""

from .faults import NODES

NODE_CLASS_MAPPINGS = {node.__name__: node for node in NODES}
NODE_DISPLAY_NAME_MAPPINGS = {node.__name__: node.TITLE for node in NODES}
