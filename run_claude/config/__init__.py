"""The user's configuration, as typed values. Imports nothing heavy: `env` must finish within 120 ms."""
