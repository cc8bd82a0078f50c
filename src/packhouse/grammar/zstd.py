"""Zstandard, unpacked whole under a bound."""

from __future__ import annotations

from packhouse.errors import InvalidUpload

MIB = 1024**2
WINDOW = 128 * MIB


def unpack_zstd(content: bytes, what: str, most: int) -> bytes:
    """What was packed, of up to `most` bytes; `what` names it in errors. Raises `InvalidUpload`."""
    import zstandard

    try:
        with zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(content, read_across_frames=True) as reader:
            unpacked = reader.read(most + 1)
    except zstandard.ZstdError as error:
        raise InvalidUpload(f"{what} is damaged: its zstd data cannot be read") from error
    if len(unpacked) > most:
        raise InvalidUpload(f"{what} unpacks to more than {most // MIB} MiB")
    return unpacked
