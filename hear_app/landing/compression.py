"""The stored form of a landed object: a zstd frame, and behind it the checksum of its bytes.

zstd's own checksum is of what a frame unpacks to, and some bits of a frame say nothing about that, or say how much
memory to take. So a skippable frame follows, which other readers of zstd pass over (RFC 8878): with its CRC-32 any
byte that changed since is found before a frame is believed. Objects of before have none, and are read as well.
"""

from __future__ import annotations

import struct
import zlib

import zstandard

_LEVEL = 3  # a page of 400 kB in about a millisecond, to a tenth; higher levels cost time for little
_SKIPPABLE = struct.pack("<II", 0x184D2A50, 4)  # its magic number, and the bytes in it
_TRAILER = len(_SKIPPABLE) + 4


class CorruptError(Exception):
    """Bytes that are not, or not any more, what was stored."""


def pack(content: bytes) -> bytes:
    """The content as it is stored."""
    frame = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(content)
    return frame + _SKIPPABLE + struct.pack("<I", zlib.crc32(frame))


def unpack(stored: bytes) -> bytes:
    """The content of what is stored. Raises CorruptError."""
    unpacking = (
        zstandard.ZstdDecompressor().decompressobj()
    )  # takes memory for what comes, not for what is announced
    try:
        content = unpacking.decompress(_frame(stored))
    except zstandard.ZstdError as error:
        raise CorruptError(str(error)) from error
    if not unpacking.eof:
        raise CorruptError("it is cut off")
    if unpacking.unused_data:
        raise CorruptError("something follows its end")
    return bytes(content)


def beginning(stored: bytes, size: int) -> bytes:
    """The first bytes of the content, at most so many. Raises CorruptError."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(_frame(stored)) as reader:
            return bytes(reader.read(size))
    except zstandard.ZstdError as error:
        raise CorruptError(str(error)) from error


def _frame(stored: bytes) -> bytes:
    """The frame itself, as it was stored."""
    frame, trailer = stored[:-_TRAILER], stored[-_TRAILER:]
    if not trailer.startswith(_SKIPPABLE):
        return stored
    if trailer != _SKIPPABLE + struct.pack("<I", zlib.crc32(frame)):
        raise CorruptError("its checksum is another one")
    return frame
