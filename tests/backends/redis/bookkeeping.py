"""The bookkeeping of a namespace on Redis, compared with what is there."""


def check_books(raw, base: str) -> None:
    """Every key of the bookkeeping tells the same story."""
    lru = set(raw.zrange(f"{base}lru", 0, -1))
    told = raw.hgetall(f"{base}meta")
    about = told.pop(b"", b"")
    assert about[:8] == (raw.get(f"{base}gen") or b"")
    meta = {key: of_it.split(b"\0") for key, of_it in told.items()}
    sizes = {key: int(size) for key, (size, *_) in meta.items()}
    assert set(sizes) == lru
    assert set(raw.zrange(f"{base}exp", 0, -1)) <= lru
    assert {key.removeprefix(f"{base}e:".encode()) for key in raw.keys(f"{base}e:*")} == lru
    assert all(raw.strlen(f"{base}e:".encode() + key) == 8 + size for key, size in sizes.items())
    size, _, members = map(int, about[8:].split() or (0, 0, 0))
    assert size == sum(sizes.values())
    assert members == raw.zcard(f"{base}tag")
    assert set(raw.zrange(f"{base}tag", 0, -1)) == {
        tag + b"\0" + key for key, (_, *tags) in meta.items() for tag in tags
    }
