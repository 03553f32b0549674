"""Stages that choose their engine when they run, by the preset, the machine and the models that are there.

Each expands into the nodes that one would wire by hand, and says what it took and why: in a notice, and in
`provenance`, which ends in the video's file.
"""
