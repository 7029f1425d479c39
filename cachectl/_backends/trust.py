"""At whose mercy a path is: who else could put something in its place, or change what is there.

What belongs to this user or to root, and is writable by nobody else, is trusted; so is what is ours in
a directory that is sticky, where others may add and not replace. A group is nobody else if it is the
user's own, as most systems make one for each user (pam_umask(8), `usergroups`).
"""

import os
import stat
from pathlib import Path
from typing import Final

_LINKS: Final = 40
"""Symbolic links on a path, as in the kernel."""


def exposed_above(path: Path) -> str | None:
    """Return who could put something in the place of `path`, in words; None if nobody else.

    All directories on the way there are looked at, as far as they exist, also those that links lead to.
    """
    return _walk(path, last=False)


def exposed(path: Path) -> str | None:
    """Return the same, or who could change what is there."""
    return _walk(path, last=True)


def owned_by_another(path: Path, status: os.stat_result) -> str | None:
    """Return whose a path is, in words, and what helps, if it is neither ours nor root's."""
    uid = status.st_uid
    if uid in (os.geteuid(), 0) or _is_outside(uid):
        return None
    return f"{path} belongs to another user (uid {uid}): use what is yours, or run as that user"


def open_to_others(path: Path, status: os.stat_result) -> str | None:
    """Return in words that others can write to a path, and what helps, if they can."""
    mode = stat.S_IMODE(status.st_mode)
    if not mode & stat.S_IWOTH and (not mode & stat.S_IWGRP or _is_our_group(status.st_gid)):
        return None
    from shlex import quote

    return f"others can write to {path} (mode {mode:04o}): chmod go-w {quote(str(path))}"


def _walk(path: Path, *, last: bool) -> str | None:
    names, at, links = ["", *path.absolute().parts[1:]][::-1], Path("/"), 0
    while names:
        name = names.pop()
        if not names and not last:
            return None
        at = at.parent if name == ".." else at / name
        try:
            status = at.lstat()
        except OSError:  # nothing is there yet, or it is not for us to see
            return None
        reason = owned_by_another(at, status) or _replaceable(at, status)
        if reason is not None:
            return reason
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _LINKS:
                return f"{path} has too many symbolic links"
            target = at.readlink()
            names.extend(reversed(target.parts))
            at = at.parent  # unless the target begins with a slash: that is its first part then
    return None


def _replaceable(path: Path, status: os.stat_result) -> str | None:
    """Return in words that others can change what is there, if they can; links have no mode."""
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    return None if is_sticky or stat.S_ISLNK(status.st_mode) else open_to_others(path, status)


def _is_our_group(gid: int) -> bool:
    """Return whether a group has no member but this user. That of root may: containers run as it."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    own = gid == user.pw_gid != 0 and group.gr_name == user.pw_name
    return own and set(group.gr_mem) <= {user.pw_name}


def _is_outside(uid: int) -> bool:
    """Return whether nobody in this user namespace can be that user: root of the host is shown so."""
    try:
        ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except OSError:
        return False
    return not any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)
