"""Lip sync: Wav2Lip and lips transferred from another clip."""
