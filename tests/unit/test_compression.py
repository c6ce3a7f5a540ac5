"""The stored form of a landed object: no byte of it may change unseen."""

from __future__ import annotations

import subprocess
import sys

import pytest
import zstandard

from hear_app.landing.compression import CorruptError, beginning, pack, unpack

CONTENT = b'{"stream":"issues"}\n[{"number":1,"title":"' + bytes(range(97, 123)) * 3 + b'"}]\n'


def test_each_bit_counts() -> None:
    stored = pack(CONTENT)
    assert unpack(stored) == CONTENT
    for place in range(len(stored) * 8):
        changed = bytearray(stored)
        changed[place // 8] ^= 1 << place % 8
        for read in (unpack, lambda bytes_: beginning(bytes_, 8)):
            if read is unpack or place // 8 < len(stored) - 12:
                with pytest.raises(CorruptError):
                    read(bytes(changed))


def test_what_is_cut_off_or_added_is_found() -> None:
    """But for the checksum itself: what is before it is then as it was, and only its size is another one."""
    stored = pack(CONTENT)
    for length in range(len(stored)):
        if length != len(stored) - 12:
            with pytest.raises(CorruptError):
                unpack(stored[:length])
    for more in (b"\0", b"\n" * 12, stored, stored[-12:]):
        with pytest.raises(CorruptError):
            unpack(stored + more)


def test_another_reader_of_zstd_reads_it() -> None:
    assert zstandard.ZstdDecompressor().stream_reader(pack(CONTENT), read_across_frames=True).read() == CONTENT


def test_an_object_of_before_is_read() -> None:
    old = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(CONTENT)
    assert unpack(old) == CONTENT
    assert CONTENT.startswith(beginning(old, 20))


def test_a_size_that_is_announced_takes_no_memory() -> None:
    """A frame of a few bytes that says it holds a terabyte."""
    forged = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\x01\x00\x00"
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31));"
        "from hear_app.landing import compression\n"
        "try: compression.unpack(bytes.fromhex(sys.argv[1]))\n"
        "except compression.CorruptError: print('corrupt')"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, forged.hex()], capture_output=True, text=True, check=False, timeout=60
    )
    assert told.stdout == "corrupt\n", told.stderr
