"""One module a family of rows."""
