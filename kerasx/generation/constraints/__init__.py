"""What may be generated."""
