"""Live values in this process, and the figures it shows to others."""
