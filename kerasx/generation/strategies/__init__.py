"""How the next tokens are chosen."""
