"""A cache directory is used only where no other user could put another in its place."""

import grp
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cachectl import Cache
from cachectl._backends import volatile as volatile_module
from cachectl._backends.trust import exposed, exposed_above
from cachectl._backends.volatile import volatile
from cachectl._config import load
from tests.support.second_user import (
    ALICE,
    MALLORY,
    as_user,
    common_place,
    directory_of,
    needs_root,
)

pytestmark = needs_root


@pytest.fixture
def place() -> Iterator[Path]:
    with common_place() as found:
        yield found


def opened(directory: Path) -> Cache:
    settings = load(
        overrides={"backend": "file", "file.directory": directory}, environ={"HOME": "/nonexistent"}
    )
    return Cache.of(settings, strict=True)


def store(directory: Path) -> bool:
    with opened(directory) as cache:
        return bool(cache.namespace("users").set("k", "alice's"))


def look_up(directory: Path) -> object:
    with opened(directory) as cache:
        return cache.namespace("users").get("k")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077, 0o277, 0o777], ids=oct)
def test_parents_that_we_make_are_private(place: Path, umask: int):
    home = directory_of(ALICE, place / "alice")

    def make() -> list[str]:
        os.umask(umask)
        assert store(home / "a/b/cache")
        made = (home / "a", home / "a/b", home / "a/b/cache")
        return [oct(stat.S_IMODE(path.stat().st_mode)) for path in made]

    assert as_user(ALICE, make) == "['0o700', '0o700', '0o700']"


def _open_to_all(parent: Path) -> str:
    parent.chmod(0o777)
    return f"others can write to {parent} (mode 0777): chmod go-w {parent}"


def _open_to_a_group(parent: Path) -> str:
    parent.chmod(0o770)
    return f"others can write to {parent} (mode 0770): chmod go-w {parent}"


def _of_another(parent: Path) -> str:
    parent.chmod(0o755)
    os.chown(parent, MALLORY, MALLORY)
    return f"{parent} belongs to another user (uid {MALLORY})"


def _sticky_of_another(parent: Path) -> str:
    parent.chmod(0o1777)
    os.chown(parent, MALLORY, MALLORY)
    return f"{parent} belongs to another user (uid {MALLORY})"


UNSAFE = [_open_to_all, _open_to_a_group, _of_another, _sticky_of_another]


@pytest.mark.parametrize("spoil", UNSAFE)
@pytest.mark.parametrize("above", [0, 1])
def test_a_parent_that_others_can_write_is_refused(place: Path, spoil, above: int):
    home = directory_of(ALICE, place / "alice")
    for name in ("x", "x/y"):
        directory_of(ALICE, home / name)
    reason = spoil((home / "x/y", home / "x")[above])
    told = as_user(ALICE, lambda: store(home / "x/y/cache"))
    assert told.startswith(f"PlaceRefused: {home}/x/y/cache could be replaced: {reason}")
    assert not (home / "x/y/cache").exists()


@pytest.mark.parametrize("spoil", UNSAFE)
def test_a_parent_that_becomes_writable_later_is_refused_when_it_is_opened(place: Path, spoil):
    home = directory_of(ALICE, place / "alice")
    directory = home / "x/cache"
    assert as_user(ALICE, lambda: store(directory)) == "True"
    assert as_user(ALICE, lambda: look_up(directory)) == "alice's"
    reason = spoil(home / "x")
    for action in (look_up, store):
        assert f"could be replaced: {reason}" in as_user(ALICE, partial(action, directory))


def test_nobody_is_served_from_a_directory_that_another_user_swapped(place: Path):
    home = directory_of(ALICE, place / "alice", 0o777)
    for path in (home / "cache", home / "other"):
        home.chmod(0o755)
        assert as_user(ALICE, partial(store, path)) == "True"
    home.chmod(0o777)

    def swap() -> None:
        (home / "cache").rename(home / "aside")
        (home / "other").rename(home / "cache")

    assert as_user(MALLORY, swap) == "None"
    assert "could be replaced" in as_user(ALICE, lambda: look_up(home / "cache"))


@pytest.mark.parametrize("mode", [0o1777, 0o755, 0o711])
def test_a_parent_of_root_where_nothing_can_be_replaced_is_used(place: Path, mode: int):
    parent = place / "common"
    parent.mkdir()
    directory_of(ALICE, parent / "cache")
    parent.chmod(mode)
    assert as_user(ALICE, lambda: store(parent / "cache")) == "True"


def test_a_link_of_another_user_on_the_way_is_refused(place: Path):
    home = directory_of(ALICE, place / "alice")
    common = place / "common"
    common.mkdir()
    common.chmod(0o1777)

    def link() -> None:
        (common / "way").symlink_to(home)

    assert as_user(MALLORY, link) == "None"
    told = as_user(ALICE, lambda: store(common / "way/cache"))
    assert f"{common}/way belongs to another user (uid {MALLORY})" in told


@pytest.mark.parametrize("target", ["alice/x", "./alice//x/../x"])
def test_a_link_of_our_own_is_followed_and_what_it_leads_to_is_looked_at(place: Path, target: str):
    home = directory_of(ALICE, place / "alice")
    directory_of(ALICE, home / "x")
    (place / "way").symlink_to(target)
    assert as_user(ALICE, lambda: store(place / "way/cache")) == "True"
    home.chmod(0o777)
    told = as_user(ALICE, lambda: look_up(place / "way/cache"))
    assert f"others can write to {home} (mode 0777)" in told


def test_links_that_lead_in_circles_end(place: Path):
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    assert "too many symbolic links" in str(exposed_above(place / "a/cache"))


def test_a_file_that_others_can_write_is_exposed(place: Path):
    file = place / "file"
    file.write_text("x")
    assert exposed(file) is None
    file.chmod(0o664)  # of the group of root, whose members nobody lists
    assert str(exposed(file)).startswith(f"others can write to {file} (mode 0664)")
    assert exposed_above(file) is None
    assert exposed(place / "missing/file") is None


def test_a_directory_of_another_user_says_what_helps(place: Path):
    directory_of(MALLORY, place / "cache")
    told = as_user(ALICE, lambda: store(place / "cache"))
    assert f"{place}/cache belongs to another user (uid {MALLORY})" in told
    assert f"chown it to uid {ALICE}" in told


@pytest.mark.parametrize("name", ["cache.db", "counters.db", "cleanup.lock"])
def test_a_file_of_another_user_in_the_directory_is_refused(place: Path, name: str):
    directory = directory_of(ALICE, place / "cache")
    as_user(ALICE, lambda: store(directory))
    (directory / name).touch()
    os.chown(directory / name, MALLORY, MALLORY)
    told = as_user(ALICE, lambda: look_up(directory))
    assert f"{directory}/{name} belongs to another user (uid {MALLORY})" in told


def test_the_group_that_is_a_users_own_is_nobody_else(place: Path):
    own = next(user for user in pwd.getpwall() if user.pw_uid and _own_group(user))
    (place / "file").write_text("x")
    (place / "file").chmod(0o664)
    os.chown(place / "file", own.pw_uid, own.pw_gid)
    assert as_user(own.pw_uid, lambda: exposed(place / "file")) == "None"
    os.chown(place / "file", own.pw_uid, MALLORY)
    assert "others can write" in as_user(own.pw_uid, lambda: exposed(place / "file"))


def _own_group(user: pwd.struct_passwd) -> bool:
    group = grp.getgrgid(user.pw_gid)
    return group.gr_name == user.pw_name and not group.gr_mem


def _plant_directory(path: Path) -> None:
    path.mkdir(mode=0o777)
    path.chmod(0o777)


def _plant_link(path: Path) -> None:
    path.symlink_to("/tmp")


def _plant_file(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize("plant", [_plant_directory, _plant_link, _plant_file])
def test_what_another_user_planted_in_shared_memory_is_not_used_and_harms_nobody(plant):
    name = f"planted-{os.getpid()}"
    path = Path(f"/dev/shm/cachectl-{ALICE}-{name}")

    def use() -> list[object]:
        overrides = {"backend": "memory", "memory.name": name}
        with Cache.of(load(overrides=overrides, environ={"HOME": "/nonexistent"})) as cache:
            users = cache.namespace("users")
            users.set("k", 1)
            found = users.get("k")
            cache.flush()
            return [found, users.stats().hits]

    try:
        assert as_user(MALLORY, partial(plant, path)) == "None"
        assert as_user(ALICE, use) == "[1, 1]"
        assert path.is_symlink() or not path.is_dir() or not list(path.iterdir())
    finally:
        path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)


def test_the_runtime_directory_of_another_user_is_not_used(place: Path, monkeypatch):
    monkeypatch.setattr(volatile_module, "SHARED_MEMORY", place / "missing")
    runtime = directory_of(ALICE, place / "runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert as_user(ALICE, lambda: volatile("x")) == f"{runtime}/cachectl-{ALICE}-x"
    assert volatile("x") is None  # for root, whose environment it came along with
    runtime.chmod(0o777)
    assert as_user(ALICE, lambda: volatile("x")) == "None"
