"""Paths of a workspace whose owner is not trusted.

Every step is taken from an open folder (openat with O_NOFOLLOW), links are followed by hand and may not leave the
workspace, and what was checked is what is opened: a name that is swapped meanwhile changes nothing.
"""
import contextlib
import os
import stat

MAX_LINKS = 40
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(Exception):
    """An answer to the caller: one of the platform's error codes and a message that may be shown."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def parts_of(path):
    if "\0" in path:
        raise Refused("invalid_input", "A path may not contain NUL.")
    if path.startswith("/"):
        raise Refused("invalid_input", "A path must be relative to the workspace.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Refused("invalid_input", "A path may not contain `..`.")
    return parts


class Workspace:
    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.fd = os.open(root, DIRECTORY)

    @contextlib.contextmanager
    def parent(self, path, follow=True):
        """Gives (fd of the folder, name in it) for a path; the name is None for the workspace itself.

        With follow, a link in the last place is followed too, so the name is never a link that exists.
        """
        waiting = parts_of(path)[::-1]
        stack = [os.dup(self.fd)]
        links = 0
        try:
            while True:
                if not waiting:
                    yield stack[-1], None
                    return
                name = waiting.pop()
                if name == "..":
                    if len(stack) == 1:
                        raise Refused("invalid_input", "That link leaves the workspace.")
                    os.close(stack.pop())
                    continue
                try:
                    mode = os.stat(name, dir_fd=stack[-1], follow_symlinks=False).st_mode
                except FileNotFoundError:
                    mode = None
                if mode is not None and stat.S_ISLNK(mode) and (waiting or follow):
                    links += 1
                    if links > MAX_LINKS:
                        raise Refused("invalid_input", "Too many links follow one another there.")
                    self._follow(os.readlink(name, dir_fd=stack[-1]), stack, waiting)
                    continue
                # A `..` of a link may still stand behind the last name.
                if not waiting:
                    yield stack[-1], name
                    return
                if mode is None:
                    raise Refused("not_found", "There is no such folder.")
                if not stat.S_ISDIR(mode):
                    raise Refused("invalid_input", "A part of that path is not a folder.")
                stack.append(os.open(name, DIRECTORY, dir_fd=stack[-1]))
        finally:
            for fd in stack:
                os.close(fd)

    def _follow(self, target, stack, waiting):
        if target.startswith("/"):
            if target != self.root and not target.startswith(self.root + "/"):
                raise Refused("invalid_input", "That link leaves the workspace.")
            target = target[len(self.root):]
            while len(stack) > 1:
                os.close(stack.pop())
        waiting.extend([part for part in target.split("/") if part not in ("", ".")][::-1])

    def open_file(self, path):
        """A regular file, open for reading, and its stat. The caller closes it."""
        with self.parent(path) as (folder, name):
            if name is None:
                raise Refused("invalid_input", "That is a folder.")
            # O_NONBLOCK: a pipe that nobody writes to must not hold this program.
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            os.close(fd)
            raise Refused("invalid_input", "That is a folder." if stat.S_ISDIR(info.st_mode) else "That is not a regular file.")
        return fd, info

    @contextlib.contextmanager
    def folder(self, path):
        with self.parent(path) as (folder, name):
            if name is None:
                yield folder
                return
            try:
                fd = os.open(name, DIRECTORY, dir_fd=folder)
            except NotADirectoryError:
                raise Refused("invalid_input", "That is not a folder.") from None
            try:
                yield fd
            finally:
                os.close(fd)
