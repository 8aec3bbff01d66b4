"""Tells of changes by looking again: kernel watches are few, shared by a host's users, and lost on large trees.

The whole tree is looked at, as far as the limits below go; folders and files that somebody has open are looked at always.
What changes faster than it can be told is counted, and stands in the next snapshot.
"""
import collections
import contextlib
import hashlib
import os
import stat
import threading
import time

from workspace_paths import DIRECTORY, Refused

INTERVAL_S = 1.0
# A look may take one part in so many of this program's time.
REST_PER_LOOK = 40
MAX_ENTRIES = 20_000
MAX_DEPTH = 64
# So many of what is no longer looked at are remembered, so that they are not taken for new when they are looked at again.
MAX_REMEMBERED = 2_000
# So begin the names that files have on their way to their own: nobody's work yet, and of no interest afterwards.
OWN_FILES = ".plumbline-"
# The longest path that the recording takes.
MAX_PATH = 4_000
MAX_HASHED_BYTES = 5 << 20
# So many changes may be told at once, and so many a second in the long run.
TOLD_AT_ONCE = 200
TOLD_PER_SECOND = 5
# A path that changes all the time is told this often, unless somebody has it open.
TOLD_AGAIN_S = 10.0


class Watcher:
    def __init__(self, workspace, emit, omitted):
        self.workspace = workspace
        self.emit = emit
        self.omitted = omitted
        self.lock = threading.Lock()
        self.paths = set()
        self.seen = None
        self.told = {}
        self.budget = float(TOLD_AT_ONCE)
        self.refilled = time.monotonic()
        self.stopped = threading.Event()

    def watch(self, paths):
        with self.lock:
            self.paths = {path for path in paths if path != "."}
            # What is new in the set starts as it is now.
            if self.seen is not None:
                for path in self.paths:
                    for name, state in self.look_at(path).items():
                        self.seen.setdefault(name, state)

    @contextlib.contextmanager
    def own_change(self, *paths):
        """The platform's own change of these paths, and of what is below them, is no news. It is made in here: a look that came before it was
        known would tell of it."""
        with self.lock:
            yield
            if self.seen is None:
                return
            for path in paths:
                path = path.strip("/")
                for known in [known for known in self.seen if known == path or known.startswith(path + "/")]:
                    del self.seen[known]
                self.seen.update(self.look_at(path, deep=True))

    def look(self):
        found = {}
        complete = self.scan(self.workspace.fd, "", found, 0)
        for path in self.paths:
            found.update(self.look_at(path))
        return found, complete

    def look_at(self, path, deep=False):
        """A file's state, or a folder's and those of its entries (deep: of all below)."""
        found = {}
        try:
            with self.workspace.parent(path, follow=False) as (folder, name):
                if name is None:
                    return found
                info = os.stat(name, dir_fd=folder, follow_symlinks=False)
                found[path] = self.state(info)
                if stat.S_ISDIR(info.st_mode):
                    child = os.open(name, DIRECTORY, dir_fd=folder)
                    try:
                        self.scan(child, path, found, 0 if deep else MAX_DEPTH)
                    finally:
                        os.close(child)
        except (OSError, Refused):
            pass
        return found

    def scan(self, fd, prefix, found, depth):
        """Adds what is in a folder, and below while the limits hold, the nearest first; False where something was left out."""
        complete = True
        folders = collections.deque([()])
        while folders:
            names = folders.popleft()
            try:
                child = self.open_below(fd, names)
            except OSError:
                complete = False
                continue
            try:
                with os.scandir(child) as entries:
                    for entry in entries:
                        if entry.name.startswith(OWN_FILES):
                            continue
                        path = "/".join(part for part in (prefix, *names, entry.name) if part)
                        if len(found) >= MAX_ENTRIES:
                            return False
                        if len(path) > MAX_PATH:
                            complete = False
                            continue
                        try:
                            info = entry.stat(follow_symlinks=False)
                        except OSError:
                            continue
                        found[path] = self.state(info)
                        # A repository's own files change with every command, and say nothing that its work tree does not.
                        if not stat.S_ISDIR(info.st_mode) or entry.name == ".git":
                            continue
                        if depth + len(names) < MAX_DEPTH:
                            folders.append((*names, entry.name))
                        else:
                            complete = False
            except OSError:
                complete = False
            finally:
                os.close(child)
        return complete

    @staticmethod
    def open_below(fd, names):
        """A folder by the names that lead to it, none of which may be a link."""
        at = os.dup(fd) if not names else os.open(names[0], DIRECTORY, dir_fd=fd)
        for name in names[1:]:
            try:
                below = os.open(name, DIRECTORY, dir_fd=at)
            finally:
                os.close(at)
            at = below
        return at

    @staticmethod
    def state(info):
        # A folder's own times change with what is in it, which is told by its entries.
        return (info.st_ino, 0, 0, True) if stat.S_ISDIR(info.st_mode) else (info.st_ino, info.st_mtime_ns, info.st_size, False)

    def changes(self):
        with self.lock:
            now, complete = self.look()
            before = self.seen
            if before is None:
                self.seen = now
                return
            told = self.compare(before, now, complete)
            self.seen = now
        self.tell(told)

    def glance(self):
        """The files that somebody has open, between two looks at everything. False where one is gone: it may be elsewhere."""
        with self.lock:
            seen = self.seen or {}
            before = {path: seen[path] for path in self.paths if path in seen and not seen[path][3]}
            now = {}
            for path in before:
                now.update(self.look_at(path))
            if before.keys() - now.keys():
                return False
            told = self.compare(before, now, True)
            seen.update(now)
        self.tell(told)
        return True

    def tell(self, told):
        left_out = 0
        for change in told:
            if not self.spend():
                left_out += 1
                continue
            self.add_digest(change)
            self.emit(change)
        if left_out:
            self.omitted(left_out)

    def compare(self, before, now, complete):
        """The changes; states of what is told later are put back into `now`."""
        clock = time.monotonic()
        changes = []
        gone = None
        remembered = 0
        moved = self.moved(before, now)
        changes.extend({"op": "renamed", "path": path, "to": to, "size": now[to][2]} for path, to in moved.items())
        known = {*moved, *moved.values()}
        for path in sorted(set(before) | set(now)):
            if before.get(path) == now.get(path) or path in known:
                continue
            if path not in now:
                # What was in a folder that is gone went with it; and no longer looked at is not the same as gone.
                if gone is not None and path.startswith(gone):
                    continue
                if complete or not self.exists(path):
                    gone = path + "/"
                    changes.append({"op": "deleted", "path": path})
                    self.told.pop(path, None)
                elif remembered < MAX_REMEMBERED:
                    now[path] = before[path]
                    remembered += 1
                continue
            if path in before and path not in self.paths and clock - self.told.get(path, -TOLD_AGAIN_S) < TOLD_AGAIN_S:
                now[path] = before[path]
                continue
            change = {"op": "changed" if path in before else "created", "path": path}
            if not now[path][3]:
                change["size"] = now[path][2]
                self.told[path] = clock
            changes.append(change)
        if len(self.told) > MAX_ENTRIES:
            self.told = {path: at for path, at in self.told.items() if clock - at < TOLD_AGAIN_S}
        # What says most comes first, and before it what somebody has open: it may be all that can be told.
        changes.sort(key=lambda change: (change["path"] not in self.paths, change["op"] != "deleted", change["path"].count("/")))
        return changes

    def moved(self, before, now):
        """The files that somebody has open and that are elsewhere now, by where they were."""
        left = {before[path]: path for path in self.paths if path in before and path not in now and not before[path][3]}
        moved = {}
        for path, state in now.items() if left else ():
            if state in left and before.get(path) != state:
                moved[left.pop(state)] = path
        return moved

    def spend(self):
        clock = time.monotonic()
        self.budget = min(float(TOLD_AT_ONCE), self.budget + (clock - self.refilled) * TOLD_PER_SECOND)
        self.refilled = clock
        if self.budget < 1:
            return False
        self.budget -= 1
        return True

    def exists(self, path):
        try:
            with self.workspace.parent(path, follow=False) as (folder, name):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
                return True
        except (OSError, Refused):
            return False

    def add_digest(self, change):
        if change.get("size", MAX_HASHED_BYTES + 1) > MAX_HASHED_BYTES:
            return
        try:
            fd, _ = self.workspace.open_file(change.get("to", change["path"]))
        except (OSError, Refused):
            return
        with os.fdopen(fd, "rb") as file:
            change["hash"] = hashlib.sha256(file.read(MAX_HASHED_BYTES)).hexdigest()

    def run(self):
        rested = 0.0
        while not self.stopped.wait(INTERVAL_S):
            began = time.monotonic()
            if began < rested and self.glance():
                continue
            self.changes()
            ended = time.monotonic()
            rested = ended + (ended - began) * REST_PER_LOOK
