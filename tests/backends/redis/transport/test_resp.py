"""Replies, however they arrive, and what is none."""

import random
import struct
import tracemalloc

import pytest

from cachectl._backends.redis.transport.packing import Joined
from cachectl._backends.redis.transport.resp import ErrorReply, Misread, Parser, Reply, Status
from cachectl._model.entry import NEVER, Entry
from cachectl._model.envelope import pack_apart

REPLIES: list[tuple[bytes, Reply]] = [
    (b"$5\r\nhello\r\n", b"hello"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", None),
    (b"$4\r\n\r\n\r\n\r\n", b"\r\n\r\n"),
    (b":-17\r\n", -17),
    (b"+OK\r\n", b"OK"),
    (b"*0\r\n", []),
    (b"*-1\r\n", None),
    (b"*3\r\n:1\r\n$-1\r\n*2\r\n+a\r\n*1\r\n$1\r\nb\r\n", [1, None, [b"a", [b"b"]]]),
    (b"$100000\r\n" + bytes(100_000) + b"\r\n", bytes(100_000)),
]
STREAM = b"".join(data for data, _ in REPLIES)
EXPECTED = [reply for _, reply in REPLIES]


@pytest.mark.parametrize("seed", range(20))
def test_replies_are_the_same_however_they_are_cut(seed):
    chance, parser, found, at = random.Random(seed), Parser(), [], 0
    while at < len(STREAM):
        length = chance.choice([1, 2, 7, 100, 5000, 60_000])
        found += parser.feed(STREAM[at : at + length])
        at += length
    assert found == EXPECTED
    assert parser.between_replies


def test_replies_are_the_same_byte_by_byte():
    parser = Parser()
    stream = STREAM.replace(bytes(100_000), b"").replace(b"$100000", b"$0")
    found = [reply for at in range(len(stream)) for reply in parser.feed(stream[at : at + 1])]
    assert found == [*EXPECTED[:-1], b""]


def test_what_is_missing_of_a_long_string_is_known():
    parser = Parser()
    assert parser.feed(b"$1000000\r\n" + bytes(5000)) == []
    assert parser.missing == 1_000_000 + 2 - 5000


def test_a_long_value_comes_in_two_parts_however_it_is_cut():
    """Its payload apart from what stands before it, as it was sent; all else stays in one."""
    payload = random.Random(1).randbytes(200_000)
    entry = Entry(payload, 3, 1.0, NEVER, 0, 0, ("tag",), 0)
    head, rest = pack_apart("ns", "key", entry, payload)
    value = bytes(8) + head + rest
    stream = b"$%d\r\n%b\r\n*2\r\n:1\r\n$%d\r\n%b\r\n" % (len(value), value, len(value), value)
    for seed in range(20):
        chance, parser, found, at = random.Random(seed), Parser(), [], 0
        while at < len(stream):
            length = chance.choice([1, 7, 100, 2000, 5000, 60_000, 150_000])
            found += parser.feed(stream[at : at + length])
            at += length
        parts = Joined(bytes(8) + head, rest)
        assert found == [parts, [1, parts]]
        assert parser.between_replies
        assert parser.missing == 0


@pytest.mark.parametrize("length", [0, 2304, 2305, 0xFFFF])
def test_a_long_value_with_a_damaged_head_is_read_to_its_end(length):
    """What the head of a value says of its own length is no matter of the connection."""
    head = bytearray(pack_apart("app", "k", Entry(b"", 1, 0.0, NEVER, 0, 0, (), 0), b"")[0])
    struct.pack_into("<H", head, struct.calcsize("<4sBQBB"), length)
    sent = bytes(8) + bytes(head) + bytes(100_000)
    wire = b"$%d\r\n%b\r\n:7\r\n" % (len(sent), sent)
    for step in (len(wire), 2_400, 100):
        parser, replies = Parser(), list[Reply]()
        for at in range(0, len(wire), step):
            replies += parser.feed(wire[at : at + step])

        found, after = replies
        assert isinstance(found, Joined | bytes)
        assert sent == (b"".join(found) if isinstance(found, Joined) else found)
        assert after == 7


def test_no_more_memory_is_taken_than_twice_what_arrived():
    parser = Parser()
    tracemalloc.start()
    try:
        assert parser.feed(b"$400000000\r\n" + bytes(100_000)) == []
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_a_long_string_that_does_not_end_is_misread():
    parser = Parser()
    assert parser.feed(b"$100000\r\n" + bytes(90_000)) == []
    with pytest.raises(Misread):
        parser.feed(bytes(10_002))


def test_a_status_is_told_from_a_string_of_the_same_letters():
    status, string = Parser().feed(b"+OK\r\n$2\r\nOK\r\n")
    assert type(status) is Status
    assert type(string) is bytes


def test_an_error_is_told_by_its_code():
    (error,) = Parser().feed(b"-WRONGTYPE Operation against a key\r\n")
    assert isinstance(error, ErrorReply)
    assert error.code == "WRONGTYPE"


@pytest.mark.parametrize(
    "data",
    [
        b"*999999999\r\n",
        b"$999999999999\r\n",
        b"$-2\r\n",
        b"*-7\r\n",
        b":x\r\n",
        b":123456789012345678901\r\n",
        b"$\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"$3\r\nabcd\r\n",
        b"*1\r\n" * 9,
        b"+" + b"x" * 70_000,
        b":12345678901234567890123\r\n",
        b":" + b"9" * 5000 + b"\r\n",
        bytes(70_000),
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_reply_is_misread(data):
    with pytest.raises(Misread):
        Parser().feed(data)


@pytest.mark.parametrize("code", ["READONLY", "WRONGTYPE"])
@pytest.mark.parametrize("dash", ["-", ""])
def test_an_error_within_a_script_is_told_by_its_code(code, dash):
    """Servers before Redis 7 put it behind where it was met."""
    text = (
        f"-ERR Error running script (call to f_12ab): @user_script:3: {dash}{code} You can't.\r\n"
    )
    (error,) = Parser().feed(text.encode())
    assert isinstance(error, ErrorReply)
    assert error.code == code
