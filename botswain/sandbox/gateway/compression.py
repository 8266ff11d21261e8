"""Transport compression: one stream for a whole connection, flushed after every payload."""

from __future__ import annotations

import zlib

_ZSTD_HEADER = bytes.fromhex("28b52ffd") + b"\x00" + b"\x58"
"""Magic number; descriptor without content size, checksum or dictionary; a window of 2 MiB."""
_BLOCK = 1 << 17
"""The largest block that zstd allows."""


class Plain:
    """No compression."""

    def pack(self, text: str) -> str | bytes:
        """The payload as it goes out."""
        return text


class Zlib(Plain):
    """`zlib-stream`: every payload ends with the sync flush 00 00 FF FF."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def pack(self, text: str) -> bytes:
        """The payload as it goes out."""
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class Zstd(Plain):
    """`zstd-stream`: a frame that never ends, of blocks that are stored as they are.

    The format allows that, so libraries that prefer zstd are served without a dependency; it saves nothing.
    """

    def __init__(self) -> None:
        self._begun = False

    def pack(self, text: str) -> bytes:
        """The payload as it goes out."""
        raw = text.encode()
        packed = b"" if self._begun else _ZSTD_HEADER
        self._begun = True
        for start in range(0, len(raw), _BLOCK):
            block = raw[start : start + _BLOCK]
            packed += (len(block) << 3).to_bytes(3, "little") + block
        return packed


def packer(name: str) -> Plain:
    """By the `compress` of the gateway's address; anything unknown was refused before."""
    return {"zlib-stream": Zlib, "zstd-stream": Zstd}.get(name, Plain)()
