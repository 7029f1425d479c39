"""Generated images, real ones: several functions and methods for a type of asset, alerts, warming.

Each test names the section of the system's document that it replays.
"""

import json
import time

import pytest
from PIL import Image, ImageDraw

from tests.systems.host import Host
from tests.systems.image_studio import TYPES, Studio, generated, opened, png, same

APPLICATION = "tests.systems.image_studio"


def test_an_image_comes_back_to_the_pixel_and_is_the_callers_own(anywhere: Host) -> None:
    """Integration Example, "img2 = generate_parchment()": the same image, whatever is done to it."""
    studio = Studio(anywhere.open())
    brush = studio.brush("ink")
    first, second = brush.enso("calm"), brush.enso("calm")
    assert studio.drawn == ["enso calm"]
    assert isinstance(second, Image.Image)
    assert (second.mode, second.size) == ("RGBA", (12, 12))
    assert same(first, second)
    ImageDraw.Draw(second).rectangle((0, 0, 12, 12), fill="white")
    assert same(brush.enso("calm"), generated("enso calm", "RGBA"))
    assert same(brush.sigil(1), brush.sigil(1))
    assert brush.sigil(1).mode == "L"


def test_two_functions_of_a_type_share_its_cache_and_no_image(anywhere: Host) -> None:
    """Cache Decorator, "@cache_asset('parchment')": on as many functions as a type has."""
    studio = Studio(anywhere.open())
    for _ in range(2):
        assert same(studio.create_void_parchment(1), generated("void 1"))
        assert same(studio.create_aged_parchment(1), generated("aged 1"))
    assert studio.drawn == ["void 1", "aged 1"]
    assert studio.cache.namespace("parchment").stats().entries == 2
    assert studio.create_void_parchment.invalidate(1)
    studio.create_aged_parchment(1)
    assert studio.drawn == ["void 1", "aged 1"]
    studio.create_void_parchment.refresh(1)
    studio.create_void_parchment(1)
    assert studio.drawn == ["void 1", "aged 1", "void 1"]


def test_a_process_is_never_served_the_image_of_another_function(processes: Host) -> None:
    """Future Enhancements, "Redis Integration": one asks for void parchment, the other for aged."""
    with processes.serve(APPLICATION) as one, processes.serve(APPLICATION) as other:
        assert one.request("create_void_parchment", 1) == ["void 1"]
        assert other.request("create_aged_parchment", 1) == ["aged 1"]
        assert other.request("create_void_parchment", 1) == ["aged 1"]  # drawn by the first
        assert one.request("create_aged_parchment", 1) == ["void 1"]


def test_methods_share_what_does_not_depend_on_the_object(anywhere: Host) -> None:
    """Cache Keys, "hash of function arguments": the object is none, or is told by what it is."""
    studio = Studio(anywhere.open())
    ink, gold = studio.brush("ink"), studio.brush("gold")
    assert same(ink.enso("calm"), gold.enso("calm"))
    assert not same(ink.sigil(1), gold.sigil(1))
    studio.brush("gold").sigil(1)
    assert studio.drawn == ["enso calm", "ink sigil 1", "gold sigil 1"]


def test_a_type_keeps_its_number_of_images_of_all_its_functions(anywhere: Host) -> None:
    """LRU Eviction, "Cache Size": the least recently used goes, whoever drew it."""
    cache = anywhere.open(CACHECTL_NAMESPACES__PARCHMENT__MAX_ENTRIES="3", CACHE_SIZE="3")
    studio = Studio(cache)
    studio.create_void_parchment(1)
    studio.create_aged_parchment(1)
    studio.create_void_parchment(2)
    studio.create_void_parchment(1)  # used again
    studio.create_aged_parchment(2)
    assert studio.cache.namespace("parchment").stats().evictions == 1
    studio.create_void_parchment(1)
    assert studio.drawn == ["void 1", "aged 1", "void 2", "aged 2"]
    studio.create_aged_parchment(1)
    assert studio.drawn[4:] == ["aged 1"]
    assert studio.cache.namespace("enso").stats().evictions == 0


def test_an_image_that_is_too_large_for_its_type_is_drawn_and_returned(anywhere: Host) -> None:
    """High Memory Usage, "Implement memory limits": it is not kept, and pushes nothing out."""
    size = 2 * len(png(generated("enso 0", "RGBA")))
    studio = Studio(anywhere.open(CACHECTL_NAMESPACES__ENSO__MAX_BYTES=f"{size}"))
    brush = studio.brush("ink")
    brush.enso("calm")
    assert studio.cache.namespace("enso").set("huge", generated("huge", "RGBA", 90)).name == (
        "TOO_LARGE"
    )
    brush.enso("calm")
    assert studio.drawn == ["enso calm"]
    for prompt in ("storm", "rain"):
        brush.enso(prompt)
    figures = studio.cache.namespace("enso").stats()
    assert figures.bytes <= size
    assert (figures.evictions, figures.entries) == (2, 1)


def test_what_is_no_image_is_drawn_again(anywhere: Host) -> None:
    """Cache Not Working: half a file under the key of an image is a miss, and is replaced."""
    studio = Studio(anywhere.open())
    studio.create_void_parchment(1)
    half = png(generated("void 1"))[:90]
    parchments = studio.cache.namespace("parchment", dump=None)
    parchments.set(studio.create_void_parchment.key(1), half)
    studio.cache.namespace("parchment", dump=png)
    for _ in range(2):
        assert same(studio.create_void_parchment(1), generated("void 1"))
    assert studio.drawn == ["void 1"] * 2
    assert parchments.stats().errors == 1


def test_an_operator_copies_an_image_out_of_the_cache(processes: Host) -> None:
    """Disk-backed Cache: what is stored is a PNG file, which needs no Python to be looked at."""
    studio = Studio(processes.open(clock=time.time))
    studio.create_void_parchment(1)
    key = studio.create_void_parchment.key(1)
    assert same(opened(processes.content("parchment", key)), generated("void 1"))


def test_images_that_were_warmed_are_drawn_by_nobody(processes: Host) -> None:
    """Best Practices, "Cache Warming": files of images, under the keys that a function tells."""
    with processes.serve(APPLICATION) as application:
        void, _ = application.request("keys", 1)
        (processes.home / "void.png").write_bytes(png(generated("from a file")))
        line = {"namespace": "parchment", "key": void, "value_file": "void.png", "tags": ["start"]}
        warmed = processes.cachectl("warm", "-", text=json.dumps(line))
        assert warmed.returncode == 0, warmed.stderr
        assert application.request("create_void_parchment", 1) == []
        assert application.request("create_aged_parchment", 1) == ["aged 1"]
    studio = Studio(processes.open(clock=time.time))
    assert same(studio.create_void_parchment(1), generated("from a file"))


def test_clearing_the_cache_clears_all_types_for_all_processes(processes: Host) -> None:
    """Clear Cache, "GET /cache/clear": one call; what was counted stays."""
    with processes.serve(APPLICATION) as application:
        application.request("create_void_parchment", 1)
        cache = processes.open(clock=time.time)
        studio = Studio(cache)
        studio.brush("ink").enso("calm")
        assert cache.clear().entries == 2
        assert application.request("create_void_parchment", 1) == ["void 1"] * 2
        studio.brush("ink").enso("calm")
        assert studio.drawn == ["enso calm"] * 2
        cache.flush()
        cleared = processes.cachectl("clear", "--all", "--yes")
        assert (cleared.returncode, cleared.stderr[:17]) == (0, "removed 2 entries")
        assert application.request("create_void_parchment", 1) == ["void 1"] * 3
    totals = processes.figures()["totals"]
    assert (totals["invalidated"], totals["sets"], totals["misses"]) == (4, 5, 5)


@pytest.fixture
def watched(processes: Host) -> Host:
    """A host whose cache was used: parchment 9 of 10 hits, enso 2 of 10, sigil 1 of 3; 12 of 23."""
    studio = Studio(processes.open(clock=time.time))
    brush = studio.brush("ink")
    for _ in range(10):
        studio.create_void_parchment(1)
    for number in (*range(8), 7, 7):
        brush.enso(f"{number}")
    for number in (1, 2, 2):
        brush.sigil(number)
    studio.cache.flush()
    return processes


ALERTS = [
    ([], "50%", 0, []),
    ([], "53%", 8, ["the total is under hit-rate=53%: 52.2% of 23"]),
    (["parchment"], "60%", 0, []),
    (["enso"], "50%", 8, ["enso is under hit-rate=50%: 20.0% of 10"]),
    (["parchment", "sigil"], "50%", 8, ["  sigil  33.3% of 3"]),
    (["--each"], "50%", 8, ["  enso   20.0% of 10", "  sigil  33.3% of 3"]),
    (["--each", "--min-lookups", "10"], "50%", 8, ["  enso  20.0% of 10"]),
    (["sigil", "--min-lookups", "10"], "50%", 0, []),
    (["giraffe"], "50%", 0, []),
    (["griaffe"], "50%", 2, ["griaffe"]),
]
"""Arguments of `stats`, the threshold, the exit code, and what the message tells."""


def test_an_alert_names_the_type_whose_hit_rate_is_low(watched: Host) -> None:
    """Monitoring, "Set up alerts for hit rates <50%": for the total, a type, or each that is used."""
    for arguments, threshold, code, told in ALERTS:
        ended = watched.cachectl("-q", "stats", *arguments, "--fail-under", f"hit-rate={threshold}")
        assert ended.returncode == code, (arguments, ended.stderr)
        alarm = ended.stderr.partition("  not judged: ")[0]
        for words in told:
            assert words in alarm, arguments
        for name in TYPES:
            assert (name in alarm) is any(name in words for words in told), arguments


def test_statistics_are_there_as_json_for_each_type(watched: Host) -> None:
    """Cache Statistics, "GET /cache/stats": the document's figures, out of another process."""
    shown = watched.figures()
    names = {"hits", "misses", "evictions", "expired", "sets", "entries", "max_entries", "ttl"}
    caches = {
        name: {field: figures[field] for field in names}
        for name, figures in shown["namespaces"].items()
    }
    assert caches["parchment"] == {
        "hits": 9, "misses": 1, "evictions": 0, "expired": 0, "sets": 1, "entries": 1,
        "max_entries": 50, "ttl": 3600,
    }  # fmt: skip
    assert caches["directed_enso"]["max_entries"] == 200
    assert (caches["directed_enso"]["ttl"], caches["directed_enso"]["hits"]) == (1800, 0)
    assert shown["namespaces"]["directed_enso"]["hit_rate"] is None
    assert shown["namespaces"]["enso"]["hit_rate"] == 0.2
    totals = shown["totals"]
    assert (totals["hits"], totals["misses"], totals["entries"]) == (12, 11, 11)
    assert totals["hit_rate"] == pytest.approx(12 / 23)
