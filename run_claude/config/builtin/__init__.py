"""The models and profiles that come with run-claude."""
