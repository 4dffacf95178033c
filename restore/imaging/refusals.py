"""Why a file cannot be read, in our words: libraries describe their own state, not what the user can do."""

from __future__ import annotations

import errno
import re

from restore.errors import ImageError

_RESAVE = "open it in an image editor and save it again"
CURE = "get the file from its source again"
_OS = {
    errno.EACCES: "you have no permission to read it",
    errno.EPERM: "you have no permission to read it",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.ENAMETOOLONG: "its path is too long",
    errno.ELOOP: "its symbolic links go in circles",
    errno.EIO: "the disk reports an error",
    errno.ESTALE: "its network drive has changed",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}
_ENDS = "the file ends before the picture does"
_PIXELS = "its pixel data cannot be decoded"
_HEADER = "its header is wrong"
# What decoders say, and what it means. The first match counts; ours are left as they are. Compiled when first needed.
_MEANINGS: tuple[tuple[str, str | None], ...] = (
    (r"^(the file is truncated|wrong checksum in its|its |it (has|claims|needs) |there is no chunk)", None),
    (r"truncated|not enough (image )?data|unexpected end|end of file|premature", _ENDS),
    (r"expected to read|image file is|failed to read next frame|no more data|cannot read this", _ENDS),
    (r"buffer is (not large|smaller)|buffer size must be|unpack(_from)? requires", _ENDS),
    (r"broken data stream|decoder error|buffer overrun|unrecognized data stream", _PIXELS),
    (r"failed to decode|cannot decode|cannot load|could not create decoder|bad configuration", _PIXELS),
    (r"codec configuration|generic error|decoder plugin|did not give a decompressed", _PIXELS),
    (r"tile cannot extend|invalid (literal|palette|mode)|token too long|palette size|bad image mode", _HEADER),
    (r"index out of range|not a (tiff|png|bmp|tga|gif)|broken (png|file)|header|non-decimal|parsing failed", _HEADER),
    (r"maxval", _HEADER),
)
_UNSUPPORTED = r"unsupported|not supported|conversion from|unknown (mode|raw|color|colour)"


NOT_A_PICTURE = "not a picture in a supported format, or its header is damaged"


def unreadable(error: OSError) -> str:
    """Why the system cannot read a file."""
    code = error.errno or 0
    return f"cannot be read: {_OS.get(code) or (error.strerror or 'unknown reason').lower()}"


def why(error: Exception) -> str:
    """Why a file cannot be opened, whatever failed."""
    if isinstance(error, ImageError):
        return str(error)
    return unreadable(error) if isinstance(error, OSError) and error.errno else damaged(error)


def damaged(error: Exception) -> str:
    """Why a decoder cannot read a file, and what the user can do; the error itself is the cause of what is raised."""
    text = " ".join(str(error).split())
    if re.search(_UNSUPPORTED, text, re.IGNORECASE):
        return f"a picture of a kind that is not supported: {_RESAVE}"
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return f"damaged picture: {meaning or text}: {CURE}"
    return f"damaged picture, or one of an unusual kind: {_RESAVE}"
