"""What nodes and command line both need, in one home: standard library, PyYAML, jsonschema and filelock only."""
