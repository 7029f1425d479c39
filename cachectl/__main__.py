"""`python -m cachectl`."""

from cachectl.cli.main import main

main()
