"""The README's promises, kept end to end."""
