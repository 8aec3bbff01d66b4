"""The first process of a sandbox's container: starts what the runner asks for through a door, and ends with the runner.

Usage: container_init.py CONFIG; CONFIG is JSON:
  door     the folder in which the socket `door.sock` is made, for the runner's user alone
  owner    that user's number
  become   null (commands stay root), or the number that commands get as user and group, without any privilege
  sweep    whether a command's end is the end of all it started, /tmp included
  own      [{path, uid, gid, mode, deep}]: what is given to whom before anything runs; gid may be a group's name
  seed     null, or a tar that is laid over / first

One connection that says LIFE holds the container: its end, which a dead runner cannot avoid, is the end of all in it. Each
connection that says COMMAND brings three descriptors and a request, and is served by a process of its own, which ends the
command when the connection ends. One that says GIVE_BACK leaves the folders to the runner's user. The participant has another user, so it can neither signal these processes nor trace them.
Only the standard library is used, and only what -I -S leaves of it.
"""
import array
import ctypes
import fcntl
import grp
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import sys

LIFE = b"L"
COMMAND = b"C"
GIVE_BACK = b"G"
LIFE_TIMEOUT_S = 60
TIOCSCTTY = 0x540E
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
LAST_CAPABILITY = 63
# Where the kernel must choose, it ends a command, and not what holds the container; and the language server, with 1000, first.
OOM_SCORE = "50"
SHARED = ("/tmp", "/var/tmp", "/dev/shm")
MAX_ROUNDS = 50

libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    return libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def give(entry):
    gid = entry["gid"] if isinstance(entry["gid"], int) else grp.getgrnam(entry["gid"]).gr_gid
    path, uid = entry["path"], entry["uid"]
    top = os.lstat(path)
    if entry["deep"] and top.st_uid != uid:
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.lchown(os.path.join(folder, name), uid, gid)
    # Last, so that a walk cut short is done again.
    os.lchown(path, uid, gid)
    if entry["mode"] is not None:
        os.chmod(path, entry["mode"])


def give_back(config):
    """Everything that was given belongs to the runner's user again, who may not be root and has to be able to remove it."""
    for entry in config["own"]:
        # What is mounted into a folder of the container's own was never given.
        if not entry["deep"]:
            continue
        give({"path": entry["path"], "uid": config["owner"], "gid": -1, "mode": None, "deep": True})


def prepare(config):
    if config["seed"] is not None:
        import tarfile

        with tarfile.open(config["seed"]) as seed:
            # The archive is the image's own; newer versions would drop owners and modes without being told so.
            if hasattr(tarfile, "fully_trusted_filter"):
                seed.extraction_filter = staticmethod(tarfile.fully_trusted_filter)
            seed.extractall("/", numeric_owner=True)
    for entry in config["own"]:
        give(entry)


def parents():
    """The parent of every process that this container has."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as file:
                text = file.read()
        except OSError:
            continue
        found[int(name)] = int(text[text.rindex(b")") + 2 :].split()[1])
    return found


def descendants(of):
    tree, table = {of}, parents()
    while True:
        more = {pid for pid, parent in table.items() if parent in tree} - tree
        if not more:
            return tree - {of}
        tree |= more


def signal_one(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_descendants():
    """Stops everything first, so that nothing is begun unseen. Orphans come to this process, so none is missed."""
    stopped = set()
    for _ in range(MAX_ROUNDS):
        fresh = descendants(os.getpid()) - stopped
        for pid in fresh:
            signal_one(pid, signal.SIGSTOP)
        stopped |= fresh
        if not fresh:
            break
    for pid in stopped:
        signal_one(pid, signal.SIGKILL)


def clear_shared():
    """What a command left in the common folders, unless another command is at work there."""
    if sum(1 for parent in parents().values() if parent == 1) > 1:
        return
    for folder in SHARED:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                try:
                    os.unlink(path)
                except OSError:
                    pass


def drop_privileges(number):
    os.setgroups([])
    os.setresgid(number, number, number)
    for capability in range(LAST_CAPABILITY + 1):
        prctl(PR_CAPBSET_DROP, capability)
    os.setresuid(number, number, number)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) < 0:
        raise OSError(ctypes.get_errno(), "capset")


def command(config, request):
    """Becomes the command; its descriptors are 0, 1 and 2 already."""
    os.setsid()
    if request["tty"]:
        fcntl.ioctl(0, TIOCSCTTY, 0)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(OOM_SCORE)
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if config["become"] is not None:
        drop_privileges(config["become"])
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(request["cwd"])
    os.execvpe(request["argv"][0], request["argv"], request["env"])


def receive(connection):
    """A request and the three descriptors that came with its first bytes."""
    fds = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(3 * fds.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    while len(data) < 4:
        more = connection.recv(4 - len(data))
        if not more:
            raise EOFError
        data += more
    (length,) = struct.unpack("!I", data)
    text = b""
    while len(text) < length:
        more = connection.recv(min(1 << 16, length - len(text)))
        if not more:
            raise EOFError
        text += more
    kind, cwd, environment, *argv = text.split(b"\0")
    return {"tty": kind == b"tty", "cwd": cwd, "env": json.loads(environment), "argv": [os.fsdecode(word) for word in argv]}, list(fds)


def wakeup_pipe():
    read, write = os.pipe()
    for fd in (read, write):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read


def drain(fd):
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass


def exit_code(status):
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def keep(config, connection):
    """Serves one command from its start to its end."""
    request, fds = receive(connection)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken = wakeup_pipe()
    pid = os.fork()
    if pid == 0:
        try:
            for target, fd in enumerate(fds):
                os.dup2(fd, target)
            os.closerange(3, 1024)
            command(config, request)
        except OSError as error:
            os.write(2, ("%s: %s\n" % (request["argv"][0], error.strerror)).encode())
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)
    for fd in fds:
        os.close(fd)
    code, asked = None, False
    while code is None:
        ready, _, _ = select.select([woken] if asked else [woken, connection], [], [])
        if connection in ready:
            # Nothing is ever said after the request: this is its end, or the end of who asked.
            asked = True
            if request["tty"]:
                signal_one(pid, signal.SIGKILL)
            else:
                end_descendants()
        drain(woken)
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == 0:
                break
            if ended == pid:
                code = exit_code(status)
    if config["sweep"]:
        end_descendants()
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break
        clear_shared()
    try:
        connection.sendall(struct.pack("!i", code))
    except OSError:
        pass


def serve(config):
    path = os.path.join(config["door"], "door.sock")
    listener = socket.socket(socket.AF_UNIX)
    if os.path.lexists(path):
        os.unlink(path)
    listener.bind(path)
    os.chmod(path, 0o600)
    os.chown(path, config["owner"], -1)
    listener.listen(64)
    woken = wakeup_pipe()
    life = None
    while True:
        wanted = [listener, woken] if life is None else [listener, woken, life]
        ready, _, _ = select.select(wanted, [], [], LIFE_TIMEOUT_S if life is None else None)
        if not ready or (life is not None and life in ready):
            return
        drain(woken)
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        connection.settimeout(LIFE_TIMEOUT_S)
        try:
            kind = connection.recv(1)
            if kind == LIFE and life is None:
                connection.sendall(LIFE)
                life = connection
                continue
            if kind == GIVE_BACK:
                give_back(config)
                connection.sendall(GIVE_BACK)
            if kind == COMMAND and os.fork() == 0:
                connection.settimeout(None)
                listener.close()
                if life is not None:
                    life.close()
                os.close(woken)
                try:
                    keep(config, connection)
                finally:
                    os._exit(0)
        except OSError:
            # A process limit that is reached, or a runner that let go: whoever asked sees the connection end.
            pass
        connection.close()


def main():
    config = json.loads(sys.argv[1])
    prctl(PR_SET_DUMPABLE, 0)
    try:
        prepare(config)
        serve(config)
    except Exception as error:
        # The container is gone with this process, and so is what it printed.
        with open(os.path.join(config["door"], "failed"), "w") as file:
            file.write("%s: %s" % (type(error).__name__, error))
        raise


main()
