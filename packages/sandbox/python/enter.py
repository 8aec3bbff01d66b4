"""Becomes the participant before anything of the sandbox runs.

Usage: enter.py MODE [NAME=VALUE...] -- COMMAND...; PLUMBLINE_VIEW_ENV holds the command's whole environment, each variable as
LENGTH:NAME=VALUE, the length in bytes.
  uid       the host user to become
  cgroup    a file by which a control group is joined; any number of them
  oomScore  how soon the kernel ends it for want of memory
  rlimit    NAME:VALUE, a limit for each process; any number of them
  network   launch: a process whose user and network namespaces are joined first
  pid, cwd  enter: the first process of the sandbox, as the host counts, and where the command begins
  tty       enter: the command leads a session with this process's terminal

mode "launch": joins the cgroups, gives up the host identity, optionally joins a prepared network, and becomes COMMAND
(bwrap). mode "enter": the same, and then joins the namespaces of a running bwrap and runs COMMAND as its own child in them.
Only the standard library is used, and only what -I -S leaves of it. Every command in a sandbox waits for this program: `json`, and the
enumerations that `signal` makes of its numbers, would take as long as all the rest of it.
"""
import _signal as signal
import ctypes
import fcntl
import os
import resource
import sys

CLONE_NEWUSER = 0x10000000
NAMESPACES = {"cgroup": 0x02000000, "ipc": 0x08000000, "uts": 0x04000000, "net": 0x40000000, "pid": 0x20000000, "mnt": 0x00020000}
NS_GET_USERNS = 0xB701
TIOCNOTTY = 0x5422
TIOCSCTTY = 0x540E
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
LAST_CAPABILITY = 63
NOT_ENTERED = 125

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, what + ": " + os.strerror(error))


def setns(fd, kind):
    check(libc.setns(fd, kind), "setns")


def prctl(option, value):
    return libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def become(config):
    """Cgroups come first: joining them is root's right, which the new identity does not have."""
    for path in config["cgroup"]:
        with open(path, "w") as procs:
            procs.write("0")
    if "oomScore" in config:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(config["oomScore"])
    if "uid" in config:
        uid = int(config["uid"])
        # What a GPU's driver reads and writes is locked; the memory limit counts it as any other. Root's right, and not in every container.
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (ValueError, OSError):
            pass
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit(rlimits):
    """Only inside the sandbox's user namespace does the kernel count its processes apart from the user's others."""
    for name, _, value in (rlimit.partition(":") for rlimit in rlimits):
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        lowered = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(kind, (lowered, lowered))


def join_network(pid):
    user = os.open("/proc/%d/ns/user" % pid, os.O_RDONLY)
    net = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
    setns(user, CLONE_NEWUSER)
    setns(net, NAMESPACES["net"])
    os.close(user)
    os.close(net)


def enter_namespaces(pid):
    base = "/proc/%d/ns/" % pid
    fds = {name: os.open(base + name, os.O_RDONLY) for name in ["user", *NAMESPACES]}
    # bwrap nests two user namespaces: the mounts belong to the outer one, the processes live in the inner one. A network
    # with the internet was made before, in one further out; it can be joined only from there.
    joined = None
    for names in (["net"], [name for name in NAMESPACES if name != "net"]):
        owner = libc.ioctl(fds["mnt" if "mnt" in names else "net"], NS_GET_USERNS)
        check(owner, "NS_GET_USERNS")
        if os.fstat(owner).st_ino != joined:
            setns(owner, CLONE_NEWUSER)
            joined = os.fstat(owner).st_ino
        os.close(owner)
        for name in names:
            setns(fds[name], NAMESPACES[name])
    if os.fstat(fds["user"]).st_ino != joined:
        setns(fds["user"], CLONE_NEWUSER)
    for fd in fds.values():
        os.close(fd)


def drop_privileges():
    for capability in range(LAST_CAPABILITY + 1):
        prctl(PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    check(prctl(PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")


def child(config, command, environment):
    os.setsid()
    if "tty" in config:
        fcntl.ioctl(0, TIOCSCTTY, 0)
    drop_privileges()
    limit(config["rlimit"])
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(config["cwd"])
    os.execvpe(command[0], command, environment)


def config_of(words):
    config = {"cgroup": [], "rlimit": []}
    for name, _, value in (word.partition("=") for word in words):
        if name in ("cgroup", "rlimit"):
            config[name].append(value)
        else:
            config[name] = value
    return config


def environment_of(text):
    environment = {}
    while text:
        length, _, rest = text.partition(b":")
        name, _, value = rest[:int(length)].partition(b"=")
        environment[name] = value
        text = rest[int(length):]
    return environment


def main():
    separator = sys.argv.index("--")
    mode, config = sys.argv[1], config_of(sys.argv[2:separator])
    command = sys.argv[separator + 1:]
    environment = environment_of(os.environb[b"PLUMBLINE_VIEW_ENV"])
    become(config)
    if mode == "launch":
        if "network" in config:
            join_network(int(config["network"]))
        os.execve(command[0], command, environment)
    # Between joining and exec this process holds nothing that the participant may look at.
    check(prctl(PR_SET_DUMPABLE, 0), "dumpable")
    enter_namespaces(int(config["pid"]))
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if "tty" in config:
        # The terminal goes to the child, which leads a session that exists in the participant's process namespace.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fcntl.ioctl(0, TIOCNOTTY)
    pid = os.fork()
    if pid == 0:
        try:
            child(config, command, environment)
        except OSError as error:
            os.write(2, ("%s: %s\n" % (command[0], error.strerror)).encode())
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)

    def end(_number, _frame):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(pid, 0)
    os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


try:
    main()
except OSError as error:
    os.write(2, ("The sandbox could not be entered: %s\n" % error).encode())
    os._exit(NOT_ENTERED)
