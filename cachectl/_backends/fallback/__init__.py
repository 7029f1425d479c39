"""Working on while a backend is away: from bounded memory, and back when it returns."""
