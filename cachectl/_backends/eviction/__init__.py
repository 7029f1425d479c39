"""What goes first: LRFU, and the log of uses that evictions go by."""
