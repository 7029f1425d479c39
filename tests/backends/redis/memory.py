"""What the server spends."""


def memory_used(raw) -> int:
    """Bytes the server uses for data: without buffers of clients, once all is really freed."""
    while raw.info("memory")["lazyfree_pending_objects"]:
        pass
    memory = raw.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"])
