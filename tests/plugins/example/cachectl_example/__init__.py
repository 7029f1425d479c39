"""A backend, a codec and a source for cachectl."""
