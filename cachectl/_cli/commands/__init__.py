"""The commands, one module each: they parse, call the library, and hand on what to print."""
