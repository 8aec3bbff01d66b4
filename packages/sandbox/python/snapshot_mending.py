"""What a loss of power leaves of a repository of snapshots: git does not sync each object that it writes, and one that is there under its name is
not written again, empty or not. The repository is a cache. What a snapshot is made of is in the workspace, and its bundle was synced before it
was recorded; so what is broken is dropped, and written again."""
import hashlib
import os
import shutil
import zlib

CHUNK = 1 << 20
HEX = set("0123456789abcdef")


def is_whole(path, name):
    """Whether a loose object is what its name says."""
    inflate = zlib.decompressobj()
    sha = hashlib.sha1()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                # A few bytes may stand for gigabytes.
                while chunk:
                    sha.update(inflate.decompress(chunk, CHUNK))
                    chunk = inflate.unconsumed_tail
            sha.update(inflate.flush())
    except (OSError, zlib.error):
        return False
    return inflate.eof and sha.hexdigest() == name


def drop_broken_objects(repository):
    dropped = 0
    objects = os.path.join(repository, "objects")
    for folder in os.listdir(objects):
        if len(folder) != 2 or not set(folder) <= HEX:
            continue
        for rest in os.listdir(os.path.join(objects, folder)):
            path = os.path.join(objects, folder, rest)
            if not is_whole(path, folder + rest):
                os.unlink(path)
                dropped += 1
    return dropped


def drop_broken_references(repository, git):
    """Those that name nothing, or something of which a part is gone: no history leads through them, and no snapshot may build on them."""
    dropped = 0
    for folder, _, names in os.walk(os.path.join(repository, "refs")):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    commit = file.read(100).decode("ascii", errors="replace").strip()
                git("rev-list", "--objects", "--quiet", commit, "--")
            except (OSError, RuntimeError):
                os.unlink(path)
                dropped += 1
    return dropped


def drop_locks(store):
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(store, "snapshots.git")) for name in names]
    locks = [path for path in [*paths, os.path.join(store, "snapshot.index.lock")] if path.endswith(".lock") and os.path.exists(path)]
    for path in locks:
        os.unlink(path)
    return len(locks)


def mend(repository, git):
    """Drops what is broken. Returns whether anything was: then it is worth while to try again what failed."""
    try:
        with open(os.path.join(repository, "HEAD"), "rb") as file:
            is_repository = file.read(5) == b"ref: "
    except OSError:
        is_repository = False
    if not is_repository:
        shutil.rmtree(repository, ignore_errors=True)
        return True
    # One snapshot is taken at a time: whoever held these is gone.
    locks = drop_locks(os.path.dirname(repository))
    objects = drop_broken_objects(repository)
    return locks + objects + drop_broken_references(repository, git) > 0
