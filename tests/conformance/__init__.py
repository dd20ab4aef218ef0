"""What Claude Code sends, what a provider takes and says, what Claude Code must get: data for tests and bench."""
