"""Real hosts, started by the tests: what the application noted is what is counted, however its
processes end; none of them hangs, and none collects descriptors.
"""

KEYS = 50
"""How many greetings there are to look up."""
