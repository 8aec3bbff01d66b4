"""The platform's hand in a workspace: JSON lines on standard input and output, a request's id in its answer.

Usage: workspace_service.py WORKSPACE STORE. Runs in the platform's view, with the participant's uid and not its processes.
"""
import base64
import concurrent.futures
import ctypes
import errno
import hashlib
import json
import os
import secrets
import stat
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from workspace_paths import DIRECTORY, Refused, Workspace, parts_of  # noqa: E402
from workspace_snapshot import Snapshots  # noqa: E402
from workspace_trees import CHUNK, Trees, folder_for, remove  # noqa: E402
from workspace_watch import Watcher  # noqa: E402

MAX_LISTED = 100_000
# A listing travels in one frame of the runner's link, which ends at 16 MiB.
MAX_LISTED_BYTES = 12 << 20
ENTRY_BYTES = 96
# A folder that changed this shortly before it was read may change again within the same time stamp.
RACY_NS = 50_000_000
MAX_UPLOAD_BYTES = 2 << 30
MAX_WRITTEN_BYTES = 64 << 20
MAX_RANGE_BYTES = 16 << 20
MAX_HASHED_BYTES = 1 << 30
RENAME_NOREPLACE = 1
SLOW = {"hashTree", "capture", "restore", "snapshot", "restoreSnapshots"}
READS = {"history", "textAt", "changed"}
UPLOADS = {"upload", "dropUpload"}
MESSAGES = {
    errno.ENOENT: ("not_found", "There is no such file or folder."),
    errno.EEXIST: ("conflict", "Something of that name exists already."),
    errno.ENOTEMPTY: ("conflict", "Something of that name exists already."),
    errno.EACCES: ("forbidden", "The file's permissions do not allow that."),
    errno.EPERM: ("forbidden", "The file's permissions do not allow that."),
    errno.ENOSPC: ("too_large", "The disk of the sandbox is full."),
    errno.EDQUOT: ("too_large", "The disk of the sandbox is full."),
    errno.ENAMETOOLONG: ("invalid_input", "That name is too long."),
    errno.ELOOP: ("conflict", "The file was replaced by a link meanwhile."),
    errno.EISDIR: ("invalid_input", "That is a folder."),
    errno.ENOTDIR: ("invalid_input", "A part of that path is not a folder."),
    errno.EXDEV: ("invalid_input", "A file cannot be moved to another disk."),
    errno.EINVAL: ("invalid_input", "A folder cannot be moved into itself."),
}
libc = ctypes.CDLL(None, use_errno=True)


def kind_of(mode):
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "other"


def modified_ms(info):
    return info.st_mtime_ns // 1_000_000


def hash_file(fd):
    sha = hashlib.sha256()
    os.lseek(fd, 0, os.SEEK_SET)
    while chunk := os.read(fd, CHUNK):
        sha.update(chunk)
    return sha.hexdigest()


class Service:
    def __init__(self, workspace, store, emit, omitted):
        self.workspace = Workspace(workspace)
        self.trees = Trees(self.workspace)
        self.snapshots = Snapshots(self.workspace, self.trees, store)
        self.watcher = Watcher(self.workspace, emit, omitted)
        self.store = store

    def list(self, path, stamp=None):
        entries = []
        truncated = False
        size = 0
        with self.workspace.folder(path) as fd:
            folder = os.fstat(fd)
            now = "%d.%d" % (folder.st_ino, folder.st_mtime_ns)
            if stamp == now:
                return {"entries": [], "truncated": False, "stamp": now, "unchanged": True}
            racy = time.time_ns() - folder.st_mtime_ns < RACY_NS
            with os.scandir(fd) as found:
                for entry in found:
                    size += (len(entry.name) if entry.name.isascii() else 12 * len(entry.name)) + ENTRY_BYTES
                    if len(entries) >= MAX_LISTED or size > MAX_LISTED_BYTES:
                        truncated = True
                        break
                    try:
                        info = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    entries.append({"name": entry.name, "kind": kind_of(info.st_mode), "size": info.st_size, "modifiedMs": modified_ms(info)})
        entries.sort(key=lambda entry: (entry["kind"] != "directory", os.fsencode(entry["name"])))
        return {"entries": entries, "truncated": truncated, "stamp": "" if racy else now, "unchanged": False}

    def read(self, path, maxBytes):
        fd, info = self.workspace.open_file(path)
        try:
            data = b""
            while len(data) < maxBytes and (chunk := os.read(fd, min(CHUNK, maxBytes - len(data)))):
                data += chunk
            partial = info.st_size > len(data)
            text = None
            if b"\0" not in data:
                try:
                    text = data.decode("utf-8")
                except UnicodeDecodeError as error:
                    # A part may end inside a character.
                    if partial and error.start >= len(data) - 3:
                        text = data[: error.start].decode("utf-8")
            # Of a file too large to be edited the whole is hashed only where that is quick.
            whole = partial and info.st_size <= MAX_HASHED_BYTES
            digest = hash_file(fd) if whole else hashlib.sha256(data).hexdigest()
            size = info.st_size if partial else len(data)
            return {"text": text, "hash": digest, "size": size, "modifiedMs": modified_ms(info), "partial": partial}
        finally:
            os.close(fd)

    def readRange(self, path, offset, length):
        fd, info = self.workspace.open_file(path)
        try:
            data = os.pread(fd, min(length, MAX_RANGE_BYTES), offset)
            return {"data": base64.b64encode(data).decode(), "size": info.st_size, "modifiedMs": modified_ms(info)}
        finally:
            os.close(fd)

    def _must_match(self, folder, name, base):
        """The mode of the file that is to be replaced; refuses where it is not what the writer started from."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            raise Refused("conflict", "The file was deleted meanwhile.") from None
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise Refused("invalid_input", "That is not a regular file.")
            if hash_file(fd) != base:
                raise Refused("conflict", "The file was changed on disk meanwhile.")
            return stat.S_IMODE(info.st_mode)
        finally:
            os.close(fd)

    def write(self, path, data, baseHash):
        content = base64.b64decode(data)
        if len(content) > MAX_WRITTEN_BYTES:
            raise Refused("too_large", "A file of that size cannot be saved here; use the terminal.")
        with self.workspace.parent(path) as (folder, name):
            if name is None:
                raise Refused("invalid_input", "That is a folder.")
            mode = self._must_match(folder, name, baseHash) if baseHash is not None else 0o644
            temporary = ".plumbline-%s" % secrets.token_hex(8)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                with self.watcher.own_change(path):
                    if baseHash is None:
                        # A link, unlike a rename, never replaces.
                        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                    else:
                        self._must_match(folder, name, baseHash)
                        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                        temporary = None
            finally:
                if temporary is not None:
                    os.unlink(temporary, dir_fd=folder)
            os.fsync(folder)
        return {"hash": hashlib.sha256(content).hexdigest(), "size": len(content)}

    def upload(self, path, upload, offset, data, total, replace):
        """Adds a part to a file that is on its way; the last part puts it in its place. Answers how much of it is here."""
        if total > MAX_UPLOAD_BYTES:
            raise Refused("too_large", "A file of over 2 GiB cannot be uploaded here.")
        parts = parts_of(path)
        if not parts:
            raise Refused("invalid_input", "That is a folder.")
        content = base64.b64decode(data)
        name = parts[-1]
        temporary = ".plumbline-upload-%s" % upload
        with folder_for(self.workspace, parts[:-1]) as folder:
            if not replace and self._exists(folder, name):
                raise Refused("conflict", "Something of that name exists already.")
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600, dir_fd=folder)
            try:
                info = os.fstat(fd)
                if not stat.S_ISREG(info.st_mode):
                    raise Refused("invalid_input", "That is not a regular file.")
                here = info.st_size
                if offset == 0 and here > total:
                    os.ftruncate(fd, 0)
                    here = 0
                if offset != here or here + len(content) > total:
                    return {"received": here, "hash": None}
                view = memoryview(content)
                while view:
                    written = os.pwrite(fd, view, here)
                    here += written
                    view = view[written:]
                if here < total:
                    return {"received": here, "hash": None}
                digest = hash_file(fd)
                os.fchmod(fd, 0o644)
                os.fsync(fd)
            finally:
                os.close(fd)
            with self.watcher.own_change(path):
                if replace:
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                else:
                    os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                    os.unlink(temporary, dir_fd=folder)
        return {"received": total, "hash": digest}

    def dropUpload(self, path, upload):
        """Forgets what came of an upload that will not be finished."""
        parts = parts_of(path)
        with self.workspace.folder("/".join(parts[:-1]) or ".") as folder:
            try:
                os.unlink(".plumbline-upload-%s" % upload, dir_fd=folder)
            except FileNotFoundError:
                pass
        return {}

    @staticmethod
    def _exists(folder, name):
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            return True
        except FileNotFoundError:
            return False

    def create(self, path, kind):
        with self.workspace.parent(path, follow=False) as (folder, name):
            if name is None:
                raise Refused("conflict", "Something of that name exists already.")
            with self.watcher.own_change(path):
                if kind == "directory":
                    os.mkdir(name, 0o755, dir_fd=folder)
                else:
                    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder))
        return {}

    def rename(self, path, to):
        with self.workspace.parent(path, follow=False) as (source, name), self.workspace.parent(to, follow=False) as (target, new):
            if name is None or new is None:
                raise Refused("invalid_input", "The workspace itself cannot be renamed.")
            with self.watcher.own_change(path, to):
                if libc.renameat2(source, os.fsencode(name), target, os.fsencode(new), RENAME_NOREPLACE) < 0:
                    raise OSError(ctypes.get_errno(), "rename")
        return {}

    def delete(self, path):
        with self.workspace.parent(path, follow=False) as (folder, name):
            if name is None:
                raise Refused("invalid_input", "The workspace itself cannot be deleted.")
            with self.watcher.own_change(path):
                remove(folder, name)
        return {}

    def hashTree(self, paths, maxBytes):
        return self.trees.hash_tree(paths, maxBytes)

    def capture(self, paths, maxBytes, file):
        return self.trees.capture(paths, maxBytes, os.path.join(self.store, file))

    def restore(self, file, path):
        return self.trees.restore(os.path.join(self.store, file), path)

    def snapshot(self, message, atMs, base, file):
        return self.snapshots.snapshot(message, atMs, os.path.join(self.store, file), base)

    def restoreSnapshots(self, files):
        return self.snapshots.restore([os.path.join(self.store, file) for file in files])

    def history(self, path):
        return self.snapshots.history(path)

    def textAt(self, commit, path, maxBytes):
        return self.snapshots.text_at(commit, path, maxBytes)

    def changed(self):
        return self.snapshots.changed()

    def watch(self, paths):
        self.watcher.watch(paths)
        return {}


OPERATIONS = [
    "list", "read", "readRange", "write", "upload", "dropUpload", "create", "rename", "delete", "hashTree", "capture", "restore",
    "snapshot", "restoreSnapshots", "history", "textAt", "changed", "watch",
]


def answer(service, request, send):
    reply = {"id": request["id"]}
    try:
        if request["op"] not in OPERATIONS:
            raise Refused("invalid_input", "There is no such operation.")
        reply["result"] = getattr(service, request["op"])(**request["args"])
    except Refused as refused:
        reply["error"] = {"code": refused.code, "message": str(refused)}
    except OSError as error:
        code, message = MESSAGES.get(error.errno, ("unavailable", "The workspace could not be read or written: %s." % os.strerror(error.errno or 0)))
        reply["error"] = {"code": code, "message": message}
    except (UnicodeError, ValueError, RecursionError):
        reply["error"] = {"code": "invalid_input", "message": "That path cannot be used."}
    except Exception as error:
        reply["error"] = {"code": "unavailable", "message": "The workspace could not be read.", "cause": repr(error)[:2000]}
    send(reply)


def main():
    out = sys.stdout.buffer
    lock = threading.Lock()

    def send(message):
        line = json.dumps(message).encode() + b"\n"
        with lock:
            out.write(line)
            out.flush()

    service = Service(sys.argv[1], sys.argv[2], lambda change: send({"change": change}), lambda count: send({"omitted": count}))
    threading.Thread(target=service.watcher.run, daemon=True).start()
    quick = concurrent.futures.ThreadPoolExecutor(1)
    slow = concurrent.futures.ThreadPoolExecutor(1)
    reads = concurrent.futures.ThreadPoolExecutor(1)
    uploads = concurrent.futures.ThreadPoolExecutor(1)
    turns = {**dict.fromkeys(SLOW, slow), **dict.fromkeys(READS, reads), **dict.fromkeys(UPLOADS, uploads)}
    for line in sys.stdin.buffer:
        request = json.loads(line)
        turns.get(request["op"], quick).submit(answer, service, request, send)
    # The runner is gone: nothing that is half done is of use to anyone.
    os._exit(0)


if __name__ == "__main__":
    main()
