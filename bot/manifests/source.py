"""From the bytes of a manifest to its text, and the one way to say that it can't be read."""

from __future__ import annotations

from bot.errors import ManifestError

# Reading exact positions takes about a second for a megabyte, and no real manifest comes near this.
MAX_BYTES = 4 * 1024 * 1024

_GIT_CRYPT = b"\0GITCRYPT\0"
_SOPS = b"ENC[AES256_GCM,"


def fault(path: str, line: int, reason: str, hint: str = "") -> ManifestError:
    """The error for one place in a manifest. Keys and values in `reason` may hold any character: it stays one line."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in reason)
    return ManifestError(f"{path}:{line}: {shown}", hint=hint)


def too_large(path: str) -> ManifestError:
    """The error for a manifest of more than MAX_BYTES."""
    return fault(path, 1, f"larger than the {MAX_BYTES:,} bytes that are read", "split the file, or leave it out")


def decode(path: str, content: bytes) -> str:
    """The manifest's text with its byte order mark and line ends; encoding it again gives `content`.

    Raises ManifestError for what is too large, encrypted (git-crypt, SOPS) or not UTF-8.
    """
    if len(content) > MAX_BYTES:
        raise too_large(path)
    if content.startswith(_GIT_CRYPT):
        raise fault(path, 1, "encrypted by git-crypt", "unlock the repository, or leave the file out of the paths")
    if _SOPS in content:
        # Its checksum covers the values in clear too, so any edit would make the file unreadable for Flux.
        line = _line(content, content.index(_SOPS))
        raise fault(path, line, "encrypted by SOPS", "keep images out of encrypted files, or leave it out of the paths")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise fault(path, _line(content, error.start), "not UTF-8", "save the file as UTF-8") from None


def _line(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1
