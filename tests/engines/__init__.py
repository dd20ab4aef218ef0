"""The engines that people have, each on a machine of its own: what a stack owes on all of them (obligations.py)."""
