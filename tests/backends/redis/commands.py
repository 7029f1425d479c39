"""How many commands and round trips an operation takes."""


def reads(raw) -> int:
    """Requests the server has read so far, this one included: commands of a script are none."""
    return int(raw.info("stats")["total_reads_processed"])


def round_trips(raw, operation) -> int:
    before = reads(raw)
    operation()
    return reads(raw) - before - 1


def commands(raw, operation) -> int:
    """How many commands the server runs for an operation, those of its scripts included."""
    raw.config_resetstat()
    operation()
    return sum(stats["calls"] for stats in raw.info("commandstats").values()) - 1
