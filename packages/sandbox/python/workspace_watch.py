"""Tells of changes by looking again: kernel watches are few, shared by a host's users, and lost on large trees."""
import hashlib
import os
import stat
import threading

from workspace_paths import Refused

INTERVAL_S = 1.0
MAX_ENTRIES = 2_000
MAX_HASHED_BYTES = 5 << 20


class Watcher:
    def __init__(self, workspace, emit):
        self.workspace = workspace
        self.emit = emit
        self.lock = threading.Lock()
        self.paths = set()
        self.seen = None
        self.stopped = threading.Event()

    def watch(self, paths):
        with self.lock:
            self.paths = set(paths)
            # What is new in the set starts as it is now.
            if self.seen is not None:
                self.seen = {**self.look(), **{path: state for path, state in self.seen.items()}}

    def absorb(self, *paths):
        """The platform's own change of these paths is no news."""
        with self.lock:
            if self.seen is None:
                return
            now = self.look()
            for path in paths:
                path = path.strip("/")
                self.seen.pop(path, None)
                if path in now:
                    self.seen[path] = now[path]

    def look(self):
        found = {}
        for path in ["", *self.paths]:
            if path == ".":
                continue
            try:
                with self.workspace.parent(path or ".", follow=False) as (folder, name):
                    if name is None:
                        self.scan(folder, "", found)
                        continue
                    info = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if stat.S_ISDIR(info.st_mode):
                        child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                        try:
                            self.scan(child, path, found)
                        finally:
                            os.close(child)
                    else:
                        found[path] = self.state(info)
            except (OSError, Refused):
                continue
        return found

    def scan(self, fd, prefix, found):
        with os.scandir(fd) as entries:
            for n, entry in enumerate(entries):
                if n >= MAX_ENTRIES:
                    break
                try:
                    info = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                found[prefix + "/" + entry.name if prefix else entry.name] = self.state(info)

    @staticmethod
    def state(info):
        # A folder's own times change with what is in it, which is told by its entries where it is watched.
        return (info.st_ino, 0, 0, True) if stat.S_ISDIR(info.st_mode) else (info.st_ino, info.st_mtime_ns, info.st_size, False)

    def changes(self):
        with self.lock:
            now = self.look()
            before, self.seen = self.seen, now
        if before is None:
            return
        for path in sorted(set(before) | set(now)):
            if before.get(path) == now.get(path):
                continue
            if path not in now:
                # No longer looked at is not the same as gone.
                if not self.exists(path):
                    self.emit({"op": "deleted", "path": path})
                continue
            change = {"op": "changed" if path in before else "created", "path": path}
            _, _, size, is_folder = now[path]
            if not is_folder:
                change["size"] = size
                digest = self.digest(path, size)
                if digest:
                    change["hash"] = digest
            self.emit(change)

    def exists(self, path):
        try:
            with self.workspace.parent(path, follow=False) as (folder, name):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
                return True
        except (OSError, Refused):
            return False

    def digest(self, path, size):
        if size > MAX_HASHED_BYTES:
            return None
        try:
            fd, _ = self.workspace.open_file(path)
        except (OSError, Refused):
            return None
        with os.fdopen(fd, "rb") as file:
            return hashlib.sha256(file.read(MAX_HASHED_BYTES)).hexdigest()

    def run(self):
        while not self.stopped.wait(INTERVAL_S):
            self.changes()
