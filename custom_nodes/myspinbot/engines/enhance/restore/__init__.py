"""Faces in a clip restored: aligned, drawn anew by a model, steadied over time and pasted back."""
