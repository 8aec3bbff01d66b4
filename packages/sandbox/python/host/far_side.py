"""What the platform runs on another host before that host has anything of ours. It is sent over the connection and reads from
`f`, the standard input: first one JSON line that says what to do, then what belongs to it. Every answer is one JSON line.

hello   what kind of machine this is
have    whether a folder named by its content is there and whole
put     takes such a folder as an archive; any number of these may run at once, and one may die at any moment
newest  which of the bundles that are there whole came last
agent   becomes the host's agent, which the bundle holds
"""

import fcntl
import hashlib
import json
import os
import platform
import pwd
import re
import shutil
import sys
import tarfile
import time

CHUNK_BYTES = 1 << 20
KINDS = ("bundles", "families")
NAME = re.compile(r"^[0-9a-f]{64}$")
DAY_SECONDS = 24 * 3600
# A bundle that nothing runs from is kept this long, for a platform that is set back to an earlier version; a family that nobody asked for,
# this long for whoever comes back to it; and what arrived in part, for whoever is at it.
UNUSED_BUNDLE_SECONDS = 7 * DAY_SECONDS
UNUSED_FAMILY_SECONDS = 30 * DAY_SECONDS
PARTIAL_SECONDS = DAY_SECONDS
# Programs of the system that a non-interactive login does not find.
SYSTEM_PATHS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]


def answer(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def contents(path):
    """How many files lie below a folder, and their bytes together."""
    files = total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            files += 1
            total += os.lstat(os.path.join(folder, name)).st_size
    return [files, total]


def make_folders(data_dir):
    # Others may walk through, for the sandboxes' own users; they can list nothing.
    for path in [data_dir] + [os.path.join(data_dir, name) for name in KINDS + ("incoming", "locks")]:
        if not os.path.isdir(path):
            os.makedirs(path, mode=0o711, exist_ok=True)


def is_whole(data_dir, kind, name):
    """As it was when it was unpacked: nothing cut short, nothing missing. Whoever asks is about to use it, which is noted."""
    try:
        os.utime(os.path.join(data_dir, kind, name))
        with open(os.path.join(data_dir, kind, name + ".contents")) as facts:
            return json.load(facts) == contents(os.path.join(data_dir, kind, name))
    except (OSError, ValueError):
        return False


def receive(path, size, sha256):
    digest = hashlib.sha256()
    left = size
    with open(path, "wb") as out:
        while left > 0:
            part = f.read(min(CHUNK_BYTES, left))
            if not part:
                raise ConnectionError("the archive ended early")
            digest.update(part)
            out.write(part)
            left -= len(part)
    if digest.hexdigest() != sha256:
        raise ValueError("the archive that arrived is not the one that was sent")


def unpack(archive, folder):
    os.mkdir(folder, 0o755)
    with tarfile.open(archive, "r:gz") as tar:
        if hasattr(tarfile, "fully_trusted_filter"):
            tar.extraction_filter = tarfile.fully_trusted_filter
        tar.extractall(folder)


def put(data_dir, kind, name, sha256, size):
    make_folders(data_dir)
    with open(os.path.join(data_dir, "locks", kind + "-" + name), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_whole(data_dir, kind, name):
            answer(send=False)
            return
        answer(send=True)
        incoming = os.path.join(data_dir, "incoming", kind + "-" + name)
        # What is there under this name is of one who died: whoever lives holds the lock.
        shutil.rmtree(incoming, ignore_errors=True)
        os.mkdir(incoming, 0o700)
        try:
            archive = os.path.join(incoming, "archive")
            fresh = os.path.join(incoming, "fresh")
            receive(archive, size, sha256)
            unpack(archive, fresh)
            os.unlink(archive)
            final = os.path.join(data_dir, kind, name)
            facts = os.path.join(incoming, "contents")
            with open(facts, "w") as out:
                json.dump(contents(fresh), out)
            # On the disk before it has its name: a machine that loses power must not come back with half of it.
            os.sync()
            if os.path.lexists(final):
                os.rename(final, os.path.join(incoming, "damaged"))
            os.rename(fresh, final)
            os.rename(facts, final + ".contents")
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
    remove_unused(data_dir, name)
    answer(done=True)


def remove_unused(data_dir, but):
    """Bundles of earlier versions that no process runs from, families that nobody asked for lately, and what never arrived whole."""
    running = set()
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                running.add(os.readlink("/proc/%s/exe" % pid))
            except OSError:
                pass
    for kind, seconds in (("bundles", UNUSED_BUNDLE_SECONDS), ("families", UNUSED_FAMILY_SECONDS)):
        for name in os.listdir(os.path.join(data_dir, kind)):
            path = os.path.join(data_dir, kind, name)
            if not NAME.match(name) or name == but or any(exe.startswith(path + "/") for exe in running):
                continue
            if is_older(path, seconds):
                # Its facts first: without them it is not whole, and nobody takes it for that meanwhile.
                if os.path.exists(path + ".contents"):
                    os.unlink(path + ".contents")
                shutil.rmtree(path, ignore_errors=True)
    incoming = os.path.join(data_dir, "incoming")
    for name in os.listdir(incoming):
        if is_older(os.path.join(incoming, name), PARTIAL_SECONDS):
            shutil.rmtree(os.path.join(incoming, name), ignore_errors=True)


def is_older(path, seconds):
    try:
        return time.time() - os.stat(path).st_mtime > seconds
    except OSError:
        # Somebody else was faster.
        return False


def newest(data_dir):
    bundles = os.path.join(data_dir, "bundles")
    names = [name for name in os.listdir(bundles) if NAME.match(name)]
    names.sort(key=lambda name: os.stat(os.path.join(bundles, name)).st_ctime, reverse=True)
    answer(name=next((name for name in names if is_whole(data_dir, "bundles", name)), None))


def hello(data_dir):
    make_folders(data_dir)
    disk = os.statvfs(data_dir)
    answer(
        machine=platform.machine(),
        libc=os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None,
        python=platform.python_version(),
        user=pwd.getpwuid(os.getuid()).pw_name,
        uid=os.getuid(),
        diskFreeBytes=disk.f_bavail * disk.f_frsize,
    )


def agent(data_dir, bundle, node, program):
    root = os.path.join(data_dir, "bundles", bundle)
    path = os.environ.get("PATH", "").split(":")
    env = dict(os.environ, PATH=":".join(path + [more for more in SYSTEM_PATHS if more not in path]))
    # A laboratory's own certificates are the system's business.
    env.setdefault("NODE_USE_SYSTEM_CA", "1")
    os.chdir("/")
    node = os.path.join(root, node)
    os.execve(node, [node, os.path.join(root, program), data_dir], env)


def main():
    os.umask(0o022)
    order = json.loads(f.readline())
    operation = order.pop("op")
    if "kind" in order and (order["kind"] not in KINDS or not NAME.match(order["name"])):
        raise ValueError("no such kind or name")
    data_dir = order["data_dir"]
    if operation == "hello":
        hello(data_dir)
    elif operation == "have":
        answer(present=is_whole(**order))
    elif operation == "put":
        put(**order)
    elif operation == "newest":
        newest(data_dir)
    elif operation == "agent":
        agent(**order)
    else:
        raise ValueError("no such operation")


try:
    main()
except Exception as error:
    answer(error="%s: %s" % (type(error).__name__, error))
    sys.exit(1)
