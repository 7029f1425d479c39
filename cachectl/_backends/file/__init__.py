"""Entries and counters in a directory of one machine, shared by its processes."""
