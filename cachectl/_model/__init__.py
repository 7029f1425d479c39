"""What is kept and how it is stored: entries, keys, policies, units. No I/O, no clock."""
