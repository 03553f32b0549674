"""What every node needs from ComfyUI: progress, notices, video files, model files, routes."""
