"""What all rows share: timing, processes and servers, caches beside their peers, results."""
