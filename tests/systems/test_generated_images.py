"""Generated images: a cache for each type of asset, with its own size and lifetime.

Each test names the section of the system's document that it replays.
"""

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cachectl import MISSING
from cachectl.testing import Clock, found
from tests.systems.generated_images import ASSETS, MEMORY, Image, cache_stats, draw, use
from tests.systems.host import Host


@pytest.mark.parametrize(("name", "size", "ttl"), ASSETS)
def test_each_type_of_asset_has_its_size(in_memory: Host, name: str, size: int, ttl: int) -> None:
    """Default Cache Configuration, column "Cache Size": the least recently used one goes."""
    images = in_memory.open().namespace(name)
    for number in range(size):
        images.set(f"{number}", draw(number))
    images.get("0")
    images.set("one more", draw(size))
    figures = images.stats()
    assert (figures.entries, figures.max_entries, figures.evictions) == (size, size, 1)
    assert images.get("1") is MISSING
    assert np.array_equal(found(images.get("0")), draw(0))


@pytest.mark.parametrize(("name", "size", "ttl"), ASSETS)
def test_each_type_of_asset_has_its_lifetime(
    in_memory: Host, clock: Clock, name: str, size: int, ttl: int
) -> None:
    """Default Cache Configuration, column "TTL (seconds)"."""
    images = in_memory.open().namespace(name)
    images.set("image", draw(1))
    clock.advance(ttl - 1)
    assert images.get("image") is not MISSING
    clock.advance(1)
    assert images.get("image") is MISSING
    assert images.stats().expired == 1


@pytest.mark.parametrize(
    ("variable", "names"),
    [
        ("CACHE_TTL_PARCHMENT", ["parchment"]),
        ("CACHE_TTL_ENSO", ["enso"]),
        ("CACHE_TTL_SIGIL", ["sigil"]),
        ("CACHE_TTL_CREATURE", ["giraffe", "kangaroo"]),
    ],
)
def test_lifetimes_come_from_the_environment(
    in_memory: Host, clock: Clock, variable: str, names: list[str]
) -> None:
    """Environment Variables, "CACHE_TTL_*": seconds, for the types that they name alone."""
    cache = in_memory.open(**{variable: "7200"})  # type: ignore[arg-type]
    for name, _, _ in ASSETS:
        cache.namespace(name).set("image", draw(1))
    clock.advance(7199)
    alive = [name for name, _, _ in ASSETS if cache.namespace(name).has("image")]
    assert alive == names
    clock.advance(1)
    assert not any(cache.namespace(name).has("image") for name in names)


def test_the_size_comes_from_the_environment(in_memory: Host) -> None:
    """Environment Variables, "CACHE_SIZE"."""
    images = in_memory.open(CACHE_SIZE="3").namespace("enso")
    for number in range(5):
        images.set(f"{number}", draw(number))
    assert [entry.key for entry in images.entries()] == ["2", "3", "4"]


def test_without_metrics_images_are_cached_and_nothing_is_counted(in_memory: Host) -> None:
    """Environment Variables, "CACHE_METRICS"."""
    cache = in_memory.open(CACHE_METRICS="false")
    images = cache.namespace("enso")
    for _ in range(3):
        images.get_or_load("image", lambda: draw(1))
    assert np.array_equal(found(images.get("image")), draw(1))
    figures = images.stats()
    assert (figures.entries, figures.hits, figures.misses, figures.sets) == (1, 0, 0, 0)
    assert figures.hit_rate is None


def test_a_decorated_function_generates_once(anywhere: Host) -> None:
    """Integration Example, "Using the Cache Decorator": the second call returns the first image."""
    cache = anywhere.open()
    generated: list[str] = []

    @cache.cached("parchment")
    def generate_parchment() -> Image:
        generated.append("parchment")
        return draw(len(generated))

    first, second = generate_parchment(), generate_parchment()
    assert generated == ["parchment"]
    assert np.array_equal(first, second)
    assert (second.dtype, second.shape) == (np.uint8, (8, 8, 3))


def test_a_directed_enso_is_cached_for_its_prompt_and_model(anywhere: Host) -> None:
    """Cache Keys, "hash(('directed_enso', prompt, model))": SHA-256, however they are passed."""
    cache = anywhere.open()
    generated: list[tuple[str, str]] = []

    @cache.cached("directed_enso")
    def generate(prompt: str, model: str = "nano") -> Image:
        generated.append((prompt, model))
        return draw(len(generated))

    images = [
        generate("calm", "nano"),
        generate("calm"),
        generate(model="nano", prompt="calm"),
        generate("storm"),
        generate("calm", "pro"),
    ]
    assert generated == [("calm", "nano"), ("storm", "nano"), ("calm", "pro")]
    assert [np.array_equal(image, images[0]) for image in images] == [True] * 3 + [False] * 2
    keys = {generate.key(*arguments) for arguments in generated}
    assert keys == {entry.key for entry in cache.namespace("directed_enso").entries()}
    digests = [key.rpartition(".generate:")[2] for key in keys]
    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in digests)


def test_a_cache_is_used_by_hand(anywhere: Host) -> None:
    """Integration Example, "Manual Cache Usage", and Cache Workflow: check, generate, store."""
    images = anywhere.open().namespace("enso")
    assert images.get("enso", default=None) is None
    images.set("enso", draw(1))
    assert np.array_equal(found(images.get("enso")), draw(1))


def test_statistics_are_the_documents_answer(anywhere: Host, clock: Clock) -> None:
    """Cache Statistics, "GET /cache/stats": every number of the sample.

    Two of eight images cannot be too many for a size of 50, so the sample's evictions are read as
    "Action if high memory": somebody reduced the cache for once.
    """
    cache = anywhere.open()
    parchment, others = cache.namespace("parchment"), cache.namespace("directed_enso")
    use(parchment, clock, hits=30, misses=5, warmed=3, expired=1)
    use(others, clock, hits=120, misses=45, warmed=7, expired=4)
    cache.cleanup("parchment", max_entries=5)
    cache.cleanup("directed_enso", max_entries=40)
    answer = cache_stats(cache)
    assert answer["caches"]["parchment"] == {
        "hits": 30,
        "misses": 5,
        "evictions": 2,
        "expired": 1,
        "total_set": 8,
        "size": 5,
        "max_size": 50,
        "default_ttl": 3600,
        "hit_rate": 0.857,
    }
    del answer["caches"]
    assert answer == {
        "total_hits": 150,
        "total_misses": 50,
        "total_evictions": 10,
        "total_expired": 5,
        "total_set": 60,
        "total_size": 45,
        "overall_hit_rate": 0.75,
    }


def test_every_type_of_asset_is_in_the_statistics(in_memory: Host) -> None:
    """Cache Statistics, "caches": before the first request, too."""
    caches = cache_stats(in_memory.open())["caches"]
    described = [
        (name, caches[name]["max_size"], caches[name]["default_ttl"]) for name, *_ in ASSETS
    ]
    assert described == ASSETS
    assert {caches[name]["hit_rate"] for name, *_ in ASSETS} == {None}


def test_clearing_empties_every_cache_and_keeps_the_statistics(anywhere: Host) -> None:
    """Clear Cache, "GET /cache/clear"."""
    cache = anywhere.open()
    for name, _, _ in ASSETS:
        cache.namespace(name).set("image", draw(1))
    assert cache.clear().entries == len(ASSETS)
    answer = cache_stats(cache)
    assert (answer["total_size"], answer["total_set"]) == (0, len(ASSETS))
    assert cache.stats().totals.invalidated == len(ASSETS)


def test_a_cache_for_a_new_type_is_made_on_demand(anywhere: Host) -> None:
    """GenerationalCache Class, "Automatic cache creation on demand"."""
    cache = anywhere.open()
    cache.namespace("dragon").set("image", draw(1))
    caches = cache_stats(cache)["caches"]
    assert (caches["dragon"]["size"], caches["dragon"]["default_ttl"]) == (1, 3600)


@pytest.mark.parametrize(("name", "shape", "each", "full"), MEMORY)
def test_the_memory_of_an_image_is_estimated(
    in_memory: Host, name: str, shape: tuple[int, ...], each: float, full: float
) -> None:
    """Memory Usage, "Approximate memory per asset" and "Maximum memory usage"."""
    cache = in_memory.open()
    for number in range(2):
        cache.namespace(name).set(f"{number}", draw(number, shape))
    figures = cache.stats().namespaces[name]
    assert figures.memory_bytes is not None
    assert figures.max_entries is not None
    assert figures.memory_bytes / 2 == pytest.approx(each, rel=0.15)
    assert figures.memory_bytes / 2 * figures.max_entries == pytest.approx(full, rel=0.15)


def test_all_caches_together_stay_below_the_worst_case(in_memory: Host) -> None:
    """Maximum memory usage, "Total: ~1.38GB": what the estimates add up to."""
    cache = in_memory.open()
    for name, shape, _, _ in MEMORY:
        cache.namespace(name).set("image", draw(1, shape))
    namespaces = cache.stats().namespaces
    worst = sum((namespaces[name].memory_bytes or 0) * size for name, size, _ in ASSETS)
    assert worst == pytest.approx(1.38e9, rel=0.15)


def test_many_threads_may_use_one_cache(anywhere: Host) -> None:
    """LRUCache Class, "Thread-safe operations": nothing is lost, limits hold, counts are exact."""
    images = anywhere.open(CACHE_SIZE="20").namespace("enso")
    generated: list[int] = []

    def request(number: int) -> bool:
        seed = number * 7 % 30

        def generate() -> Image:
            generated.append(seed)
            return draw(seed)

        return np.array_equal(images.get_or_load(f"{seed}", generate), draw(seed))

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(request, range(600)))
    figures = images.stats()
    assert figures.hits + figures.misses + figures.shared == 600
    assert figures.misses == len(generated)
    assert figures.sets == len(generated) == figures.entries + figures.evictions
    assert figures.entries == 20


def test_what_is_generated_at_the_start_is_served_to_the_first_request(anywhere: Host) -> None:
    """Best Practices, "Cache Warming": under the key that the decorated function will ask for."""
    cache = anywhere.open()
    generated: list[str] = []

    @cache.cached("parchment")
    def generate_parchment() -> Image:
        generated.append("parchment")
        return draw(2)

    cache.namespace("parchment").set(generate_parchment.key(), draw(1))
    assert np.array_equal(generate_parchment(), draw(1))
    assert generated == []


def test_operations_are_logged(in_memory: Host, caplog: pytest.LogCaptureFixture) -> None:
    """Logging: what was served from the cache and what was generated, by type of asset."""
    caplog.set_level(logging.DEBUG, "cachectl")
    images = in_memory.open().namespace("parchment")
    for _ in range(2):
        images.get_or_load("image", lambda: draw(1))
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "get parchment: miss",
        "set parchment: 1 stored, 0 evicted",
        "get parchment: hit",
    ]


def test_rates_of_eviction_and_expiry_follow_from_the_statistics(
    in_memory: Host, clock: Clock
) -> None:
    """Key Metrics to Monitor: too small a cache evicts, too short a lifetime expires."""
    cache = in_memory.open(CACHE_SIZE="10", CACHE_TTL_SIGIL="60")
    small, short = cache.namespace("enso"), cache.namespace("sigil")
    for number in range(40):
        small.get_or_load(f"{number}", lambda: draw(0))
        short.get_or_load("the same", lambda: draw(0))
        clock.advance(60)
    assert (small.stats().evictions, small.stats().expired) == (30, 0)
    assert (short.stats().evictions, short.stats().expired) == (0, 39)


def test_a_cache_on_disk_or_in_redis_survives_a_restart(shared: Host) -> None:
    """Future Enhancements, "Disk-backed Cache" and "Redis Integration": a matter of settings."""
    before = shared.open()
    before.namespace("parchment").set("image", draw(1, (1024, 1024, 3)))
    before.close()
    image = found(shared.open().namespace("parchment").get("image"))
    assert np.array_equal(image, draw(1, (1024, 1024, 3)))
