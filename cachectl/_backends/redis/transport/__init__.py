"""Ways to a server: how commands get there, and their replies back."""
