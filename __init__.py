"""A clone of this repository inside ComfyUI's `custom_nodes` works as it is."""

from .custom_nodes.myspinbot import comfy_entrypoint

WEB_DIRECTORY = "./custom_nodes/myspinbot/web"
__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
