"""Gives a confined child a request, and takes its answer within a time and a size.

Environments are copied one by one, so each that needs this file has its own copy; a test keeps the copies alike.
"""

import fcntl
import json
import os
import select
import time

from assets import confined


class TimeUp(Exception):
    """The child had not answered in time."""


class TooLong(Exception):
    """The child answered with more than it may."""


def request_file(request):
    """`request` as JSON, for a child's standard input. In memory of its own, because a pipe's writer waits until the child reads, however long that takes."""
    file = os.fdopen(os.memfd_create("request", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
    file.write(json.dumps(request).encode())
    file.seek(0)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return file


class Answer:
    """What a child writes to its standard output, a pipe. In a `with`, which ends the child and all that it started."""

    def __init__(self, process):
        self.process = process
        self._read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        confined.end(self.process)
        self.process.stdout.close()

    def _more(self, deadline, max_bytes):
        """Reads on, and says whether there was more."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise TimeUp
        part = os.read(self.process.stdout.fileno(), 1 << 20)
        self._read += part
        if len(self._read) > max_bytes:
            raise TooLong
        return bool(part)

    def rest(self, limit_seconds, max_bytes):
        """All up to the child's end."""
        deadline = time.monotonic() + limit_seconds
        while self._more(deadline, max_bytes):
            pass
        return self._read

    def line(self, limit_seconds, max_bytes):
        """The next line; b"" where the child ended without one."""
        deadline = time.monotonic() + limit_seconds
        while b"\n" not in self._read:
            if not self._more(deadline, max_bytes):
                return b""
        line, _, self._read = self._read.partition(b"\n")
        return line
