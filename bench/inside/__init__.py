"""Programs that a benchmark runs in the image."""
