"""A workflow file: what it offers, the values set in it, and its API form.

The files here stand in a chain, each knowing only those before it: `schema` (what the server says of a node type),
`model` (nodes, links and subgraphs), `widgets`, `build` (nodes), `subgraphs`, `text`, `primitives`, `load` (a file as a
graph), `resolve` (where a value comes from), `export` (the graph in API form), `inputs` and `file`.

The API form equals what the editor's own page makes of the same file with the same server's node types. The behaviour
is read from ComfyUI's frontend 1.47; the tests compare with the real page.
"""

from .file import Workflow

__all__ = ["Workflow"]
