"""Speech: the draft voice and F5-TTS."""
