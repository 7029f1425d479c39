"""`python -m cachectl`."""

from cachectl._cli.main import main

main()
