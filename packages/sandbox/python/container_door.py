"""Runs a command in a sandbox's container, with this process's own standard input and output.

Usage: container_door.py DOOR CWD tty|pipes -- COMMAND...; DOOR is the folder of the socket on this host, PLUMBLINE_VIEW_ENV holds the
command's whole environment as JSON. Ends as the command ends, with 128 + n for signal n; the command ends when this process does.
`container_init.py` is the other side.

Every command in a container waits for this program: `json`, and the enumerations that `signal` and `socket` make of their numbers, would
take longer than all the rest of it.
"""
import _signal as signal
import _socket as socket
import array
import ctypes
import fcntl
import os
import struct
import sys

TIOCNOTTY = 0x5422
PR_SET_PDEATHSIG = 1
NOT_ENTERED = 125


def connect(door):
    connection = socket.socket(socket.AF_UNIX)
    # The name of a socket is short, and a folder's path may be long.
    os.chdir(door)
    connection.connect("door.sock")
    os.chdir("/")
    return connection


def main():
    door, cwd, kind, _, *argv = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    connection = connect(door)
    request = b"\0".join([os.fsencode(kind), os.fsencode(cwd), os.environb[b"PLUMBLINE_VIEW_ENV"], *map(os.fsencode, argv)])
    if kind == "tty":
        # The terminal goes to the command, which leads a session that exists in the container.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fcntl.ioctl(0, TIOCNOTTY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: connection.shutdown(socket.SHUT_WR))
    connection.sendall(b"C")
    connection.sendmsg([struct.pack("!I", len(request))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    connection.sendall(request)
    answer = b""
    while len(answer) < 4:
        more = connection.recv(4 - len(answer))
        if not more:
            # The container ended, and the command with it.
            os._exit(128 + signal.SIGKILL)
        answer += more
    os._exit(struct.unpack("!i", answer)[0])


try:
    main()
except OSError as error:
    os.write(2, ("The sandbox could not be entered: %s\n" % error).encode())
    os._exit(NOT_ENTERED)
