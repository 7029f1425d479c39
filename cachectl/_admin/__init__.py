"""What the tool decides about a whole cache, for any front end: clearing, warming, figures."""
