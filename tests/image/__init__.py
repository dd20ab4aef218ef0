"""What is in the image, and what runs in its container."""
