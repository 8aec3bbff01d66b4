"""What of a workspace goes into a snapshot, and of what does not, why: a row each, which an event can hold."""
import hashlib
import json
import os
import stat

from workspace_paths import Refused
from workspace_trees import CHUNK, walk_folder

MAX_FILE_BYTES = 50 << 20
MAX_TOTAL_BYTES = 2 << 30
MAX_FILES = 200_000
MAX_HASHED_BYTES = 2 << 30
MAX_ROWS = 1_000
# Both bound what an event may hold, whose paths are counted in UTF-16.
MAX_PATH = 4_000
MAX_ROWS_BYTES = 1 << 20
EXCLUDED = {"node_modules", "__pycache__", ".venv", "venv", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".plumbline"}


def identity(info):
    return (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def shown_rows(rows):
    """The first rows, with their paths cut, as many as an event has room for."""
    shown = []
    left = MAX_ROWS_BYTES
    for row in rows[:MAX_ROWS]:
        path = row["path"]
        if len(path.encode("utf-16-le", "surrogatepass")) > 2 * MAX_PATH:
            row = {**row, "path": path[:MAX_PATH // 2] + "\u2026"}
        left -= len(json.dumps(row))
        if left < 0:
            break
        shown.append(row)
    return shown


class SnapshotWalk:
    def __init__(self, workspace, trees):
        self.workspace = workspace
        self.trees = trees
        # path -> (identity, hash): what did not change is not read again.
        self.large = {}

    def walk(self):
        """Files with their status, links, rows of what is left out, and the bytes of the files."""
        files = []
        links = []
        rows = []
        total = 0

        def visit(path, info, fd, name):
            nonlocal total
            if info is None:
                rows.append({"path": path, "reason": "not readable, or too deep"})
                return False
            if name.lower() == ".git":
                rows.append(self.repository_row(path, info, fd, name))
                return False
            if stat.S_ISDIR(info.st_mode):
                if name in EXCLUDED:
                    rows.append({"path": path, "reason": "excluded by name"})
                    return False
                return True
            if stat.S_ISLNK(info.st_mode) and name.lower() == ".gitmodules":
                # Git leaves it out of any tree, and says so to nobody.
                rows.append({"path": path, "reason": "a link that git does not keep"})
            elif stat.S_ISLNK(info.st_mode):
                links.append(path)
            elif not stat.S_ISREG(info.st_mode):
                rows.append({"path": path, "reason": "not a file, folder or link"})
            elif max(info.st_size, info.st_blocks * 512) > MAX_FILE_BYTES:
                rows.append(self.large_row(path, info))
            elif total + info.st_size > MAX_TOTAL_BYTES or len(files) >= MAX_FILES:
                rows.append({"path": path, "reason": "the snapshot is full", "size": info.st_size})
            else:
                total += info.st_size
                files.append((path, info))
            return False

        fd = os.dup(self.workspace.fd)
        try:
            walk_folder(fd, "", visit)
        finally:
            os.close(fd)
        return files, links, rows, total

    def large_row(self, path, info):
        row = {"path": path, "reason": "too large", "size": info.st_size}
        known = self.large.get(path)
        if known and known[0] == identity(info):
            return {**row, "hash": known[1]}
        # The apparent size bounds the time: a sparse file of a terabyte takes no space and hours to read.
        if info.st_size > MAX_HASHED_BYTES:
            return row
        fd = self.trees.open_exact(path)
        if fd is None:
            return row
        sha = hashlib.sha256()
        left = info.st_size
        with os.fdopen(fd, "rb") as file:
            while left > 0 and (chunk := file.read(min(CHUNK, left))):
                sha.update(chunk)
                left -= len(chunk)
        self.large[path] = (identity(info), sha.hexdigest())
        return {**row, "hash": sha.hexdigest()}

    def repository_row(self, path, info, _fd, _name):
        row = {"path": path, "reason": "git repository"}
        if not stat.S_ISDIR(info.st_mode):
            return {**row, "size": info.st_size}
        size = 0

        def visit(_path, inner, _fd, _name):
            nonlocal size
            if inner is not None:
                size += inner.st_blocks * 512
            return True

        fd = self.open_folder(path)
        if fd is not None:
            try:
                walk_folder(fd, "", visit)
            except RecursionError:
                pass
            finally:
                os.close(fd)
        head = self.head_of(path)
        return {**row, "reason": "git repository at " + head if head else "git repository", "size": size}

    def open_folder(self, path):
        try:
            with self.workspace.folder(path) as fd:
                return os.dup(fd)
        except (OSError, Refused):
            return None

    def small_text(self, path):
        fd = self.trees.open_exact(path)
        if fd is None:
            return ""
        with os.fdopen(fd, "rb") as file:
            return file.read(1 << 20).decode("ascii", errors="replace")

    def head_of(self, path):
        head = self.small_text(path + "/HEAD").strip()
        if head.startswith("ref: "):
            ref = head[5:]
            if ".." in ref or ref.startswith("/") or "\0" in ref:
                return None
            value = self.small_text(path + "/" + ref).strip()
            packed = self.small_text(path + "/packed-refs").splitlines()
            head = value or next((line.split(" ")[0] for line in packed if line.endswith(" " + ref)), "")
        return head if len(head) in (40, 64) and all(c in "0123456789abcdef" for c in head) else None
