"""Files without a name, for what a program must read from a file and nobody may find afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class UnnamedFile:
    """A file in memory alone (memfd_create(2)); it is gone with the last process that has it open."""

    fd: int

    @property
    def path(self) -> str:
        """Where a program that was passed `fd` finds it; each opening starts at its beginning."""
        return f"/proc/self/fd/{self.fd}"

    def read(self) -> bytes:
        """What is in it now, whoever wrote it."""
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0)


@contextmanager
def unnamed_files(*contents: bytes) -> Iterator[tuple[UnnamedFile, ...]]:
    """One file for each content, for as long as the context lasts."""
    with ExitStack() as stack:
        files = []
        for content in contents:
            fd = os.memfd_create("promobot")
            stack.callback(os.close, fd)
            with open(fd, "wb", closefd=False) as stream:
                stream.write(content)
            files.append(UnnamedFile(fd))
        yield tuple(files)
