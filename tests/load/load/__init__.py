"""What the served binary does under load, and what its peers do."""
