"""Figures: what is counted, how it reaches the backend, how it is reported."""
