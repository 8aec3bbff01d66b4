"""What a set of workspace paths holds, by content: its hash, a deterministic archive of it, and the way back."""
import errno
import hashlib
import io
import os
import stat
import tarfile

from workspace_paths import DIRECTORY, Refused, parts_of

MAX_ENTRIES = 1_000_000
CHUNK = 1 << 20
# Each level holds a descriptor and a frame of this program.
MAX_DEPTH = 200
NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)



class Entry:
    __slots__ = ("path", "info")

    def __init__(self, path, info):
        self.path = path
        self.info = info

    @property
    def sort_key(self):
        return os.fsencode(self.path)


def walk_folder(fd, prefix, visit, depth=0):
    """Calls visit(path, stat, folder fd, name) for all under an open folder; visit says whether to go into a folder.

    The stat is None for what may not be read, and for what lies deeper than anyone means to.
    """
    for name in sorted(os.listdir(fd), key=os.fsencode):
        path = prefix + "/" + name if prefix else name
        try:
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if visit(path, info, fd, name) and stat.S_ISDIR(info.st_mode):
                if depth >= MAX_DEPTH:
                    visit(path, None, fd, name)
                    continue
                child = os.open(name, DIRECTORY, dir_fd=fd)
                try:
                    walk_folder(child, path, visit, depth + 1)
                finally:
                    os.close(child)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            visit(path, None, fd, name)


class TreeHasher:
    """SHA-256 over one record per entry, in the order of the paths' bytes."""

    def __init__(self):
        self.whole = hashlib.sha256()
        self.files = 0
        self.bytes = 0

    def add(self, kind, mode, path, content=""):
        name = os.fsencode(path)
        self.whole.update(b"%s %o %d " % (kind, mode, len(name)) + name + b" " + content.encode() + b"\n")

    def result(self):
        return {"hash": self.whole.hexdigest(), "files": self.files, "bytes": self.bytes}


class HashedFile(io.RawIOBase):
    """Exactly `size` bytes of a file that may grow or shrink under us, hashed as they are read."""

    def __init__(self, fd, size):
        self.fd = fd
        self.left = size
        self.sha = hashlib.sha256()

    def readable(self):
        return True

    def read(self, count=-1):
        count = self.left if count is None or count < 0 else min(count, self.left)
        data = os.read(self.fd, min(count, CHUNK)) if count else b""
        if count and not data:
            data = bytes(min(count, CHUNK))
        self.left -= len(data)
        self.sha.update(data)
        return data


class Trees:
    def __init__(self, workspace):
        self.workspace = workspace

    def entries(self, paths):
        found = {}
        skipped = []

        def visit(path, info, _fd, _name):
            if info is None:
                found.pop(path, None)
                skipped.append({"path": path, "reason": "not readable, or too deep"})
                return False
            kind = info.st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
                skipped.append({"path": path, "reason": "not a file, folder or link"})
                return False
            if len(found) >= MAX_ENTRIES:
                raise Refused("too_large", "There are over a million files there.")
            found[path] = Entry(path, info)
            return True

        for path in paths:
            parts = parts_of(path)
            fd = os.dup(self.workspace.fd)
            try:
                # No link is followed on the way: a submission path that is one is kept as a link.
                for depth, name in enumerate(parts):
                    here = "/".join(parts[: depth + 1])
                    try:
                        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    except FileNotFoundError:
                        break
                    if not visit(here, info, fd, name) or not stat.S_ISDIR(info.st_mode):
                        if depth + 1 < len(parts):
                            skipped.append({"path": path, "reason": "behind a link, or not in a folder"})
                        break
                    child = os.open(name, DIRECTORY, dir_fd=fd)
                    os.close(fd)
                    fd = child
                else:
                    walk_folder(fd, "/".join(parts), visit)
            finally:
                os.close(fd)
        return sorted(found.values(), key=lambda entry: entry.sort_key), skipped

    def open_exact(self, path):
        """A file by its own name, no link followed anywhere. None where it is gone or something else by now."""
        parts = path.split("/")
        fd = os.dup(self.workspace.fd)
        try:
            for name in parts[:-1]:
                child = os.open(name, DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = child
            file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
            if stat.S_ISREG(os.fstat(file).st_mode):
                return file
            os.close(file)
            return None
        except OSError:
            return None
        finally:
            os.close(fd)

    def link_target(self, path):
        parts = path.split("/")
        fd = os.dup(self.workspace.fd)
        try:
            for name in parts[:-1]:
                child = os.open(name, DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = child
            return os.readlink(parts[-1], dir_fd=fd)
        except OSError:
            return None
        finally:
            os.close(fd)

    def take(self, paths, max_bytes, archive):
        """Hashes a tree and, where an archive is given, writes the same bytes to it."""
        hasher = TreeHasher()
        entries, skipped = self.entries(paths)
        if max_bytes is not None and sum(e.info.st_size for e in entries if stat.S_ISREG(e.info.st_mode)) > max_bytes:
            raise Refused("too_large", "This is larger than the %d bytes that are taken." % max_bytes)
        for entry in entries:
            mode = stat.S_IMODE(entry.info.st_mode)
            member = tarfile.TarInfo(entry.path)
            member.mode = mode
            member.uid = member.gid = 1000
            if stat.S_ISDIR(entry.info.st_mode):
                member.type = tarfile.DIRTYPE
                hasher.add(b"d", mode, entry.path)
            elif stat.S_ISLNK(entry.info.st_mode):
                target = self.link_target(entry.path)
                if target is None:
                    continue
                member.type = tarfile.SYMTYPE
                member.linkname = target
                hasher.add(b"l", 0, entry.path, hashlib.sha256(os.fsencode(target)).hexdigest())
            else:
                fd = self.open_exact(entry.path)
                if fd is None:
                    skipped.append({"path": entry.path, "reason": "not readable, or gone while it was read"})
                    continue
                try:
                    member.size = entry.info.st_size
                    source = HashedFile(fd, member.size)
                    if archive is not None:
                        archive.addfile(member, source)
                    else:
                        while source.read(CHUNK):
                            pass
                finally:
                    os.close(fd)
                hasher.files += 1
                hasher.bytes += member.size
                hasher.add(b"f", mode, entry.path, source.sha.hexdigest())
                continue
            if archive is not None:
                archive.addfile(member)
        return hasher, skipped

    def hash_tree(self, paths, max_bytes):
        return self.take(paths, max_bytes, None)[0].result()

    def capture(self, paths, max_bytes, target):
        try:
            with tarfile.open(target, "x", format=tarfile.PAX_FORMAT) as archive:
                hasher, skipped = self.take(paths, max_bytes, archive)
        except BaseException:
            if os.path.exists(target):
                os.unlink(target)
            raise
        sha = hashlib.sha256()
        with open(target, "rb") as file:
            while chunk := file.read(CHUNK):
                sha.update(chunk)
            size = file.tell()
        return {**hasher.result(), "skipped": skipped[:1000], "tarHash": sha.hexdigest(), "tarBytes": size}

    def restore(self, source, path=None, opened=None):
        """Writes what an archive holds in the place of what is there; where a path is given, only if nothing is there now, and over nothing.

        Folders that their owner may not write in are opened meanwhile: `opened` has those that were before.
        """
        if path is not None and self._exists(path):
            raise Refused("conflict", "Something of that name exists already.")
        if path is None and opened is None:
            opened = {}
        files = 0
        size = 0
        modes = []
        with tarfile.open(source, "r:") as archive:
            for member in archive:
                parts = parts_of(member.name)
                if not parts or not (member.isreg() or member.isdir() or member.issym()):
                    raise Refused("invalid_input", "The archive is not one of this platform's.")
                with _Folder(self.workspace.fd, parts[:-1], opened) as folder:
                    name = parts[-1]
                    if member.isdir():
                        try:
                            os.mkdir(name, 0o700, dir_fd=folder)
                        except FileExistsError:
                            pass
                        modes.append((parts, member.mode))
                        continue
                    if opened is not None:
                        remove(folder, name, force=True)
                    if member.issym():
                        os.symlink(member.linkname, name, dir_fd=folder)
                        continue
                    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
                    with os.fdopen(fd, "wb") as out:
                        data = archive.extractfile(member)
                        while chunk := data.read(CHUNK):
                            out.write(chunk)
                        os.fchmod(fd, member.mode & 0o777)
                    files += 1
                    size += member.size
        # Folders last and deepest first: one that is read-only could not be filled.
        for parts, mode in [*sorted((opened or {}).items(), reverse=True), *reversed(modes)]:
            try:
                with _Folder(self.workspace.fd, parts) as folder:
                    os.fchmod(folder, mode & 0o777)
            except OSError as error:
                # One that was opened may have made way since.
                if error.errno not in NO_FOLDER:
                    raise
        return {"files": files, "bytes": size}

    def _exists(self, path):
        try:
            with self.workspace.parent(path, follow=False) as (folder, name):
                if name is not None:
                    os.stat(name, dir_fd=folder, follow_symlinks=False)
                return True
        except FileNotFoundError:
            return False
        except Refused as refused:
            if refused.code != "not_found":
                raise
            return False


def folder_for(workspace, parts):
    """The folder of that path, open; it and those above are made where they are missing."""
    return _Folder(workspace.fd, parts)


def unlink_below(root, path, opened):
    """Removes a file or link; one that is gone by now is fine."""
    parts = parts_of(path)
    with _Folder(root, parts[:-1], opened) as folder:
        remove(folder, parts[-1], force=True)


def remove(folder, name, force=False):
    """Removes what has that name, a folder with all in it. With force also what its owner may not write in, and nothing where nothing is."""
    try:
        is_folder = stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        if force:
            return
        raise
    if not is_folder:
        os.unlink(name, dir_fd=folder)
        return
    fd = os.open(name, DIRECTORY, dir_fd=folder)
    try:
        if force:
            os.fchmod(fd, 0o700)
        for child in os.listdir(fd):
            remove(fd, child, force)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=folder)


class _Folder:
    """A folder below another, made where it is missing, reached without following a link.

    With `opened` it takes the place of what else has its name, and its owner may write in it and in those above: the permissions that
    they had are noted there.
    """

    def __init__(self, root, parts, opened=None):
        self.fd = os.dup(root)
        try:
            for n, name in enumerate(parts):
                child = self._open(name, replaces=opened is not None)
                os.close(self.fd)
                self.fd = child
                mode = stat.S_IMODE(os.fstat(child).st_mode)
                if opened is not None and mode & 0o700 != 0o700:
                    opened.setdefault(tuple(parts[: n + 1]), mode)
                    os.fchmod(child, mode | 0o700)
        except OSError:
            os.close(self.fd)
            raise

    def _open(self, name, replaces):
        try:
            os.mkdir(name, 0o755, dir_fd=self.fd)
        except FileExistsError:
            pass
        try:
            return os.open(name, DIRECTORY, dir_fd=self.fd)
        except OSError as error:
            if not replaces or error.errno not in NO_FOLDER:
                raise
        os.unlink(name, dir_fd=self.fd)
        return self._open(name, False)

    def __enter__(self):
        return self.fd

    def __exit__(self, *_):
        os.close(self.fd)
