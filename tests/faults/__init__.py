"""Faults on a real engine, and what `watch` owes after each."""
