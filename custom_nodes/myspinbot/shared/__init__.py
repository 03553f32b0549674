"""Facts that the nodes and the command line both need, in one home: standard library and PyYAML only."""
