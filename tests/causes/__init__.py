"""Each cause of run_claude/core/causes, staged; on the real engine where it can be."""
