"""Programs that tests run inside of the image; they import nothing of this repository."""
