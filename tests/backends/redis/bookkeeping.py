"""The bookkeeping of a namespace on Redis, compared with what is there."""


def check_books(raw, base: str) -> None:
    """Every key of the bookkeeping tells the same story."""
    lru = set(raw.zrange(f"{base}lru", 0, -1))
    meta = {key: told.split(b"\0") for key, told in raw.hgetall(f"{base}meta").items()}
    sizes = {key: int(size) for key, (size, *_) in meta.items()}
    assert set(sizes) == lru
    assert set(raw.zrange(f"{base}exp", 0, -1)) <= lru
    assert {key.removeprefix(f"{base}e:".encode()) for key in raw.keys(f"{base}e:*")} == lru
    assert all(raw.strlen(f"{base}e:".encode() + key) == size for key, size in sizes.items())
    assert int(raw.hget(f"{base}sum", "bytes") or 0) == sum(sizes.values())
    assert set(raw.zrange(f"{base}tag", 0, -1)) == {
        tag + b"\0" + key for key, (_, *tags) in meta.items() for tag in tags
    }
