"""What the user wrote, as typed values. Imports nothing heavy: `env` has to fit into 120 ms."""
