"""What is left when run-claude goes? What is found, asked about, backed up and removed."""
