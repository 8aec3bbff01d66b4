"""Gives a task's workspace to the participant once `start()` has filled it as root, as the Task Standard's own host does.

Usage: hand_over_workspace.py HOME. What belongs to the group `protected` stays as it is. Nothing to do for any other user,
whose files are the participant's already.
"""
import grp
import os
import pwd
import sys


def main(home):
    if os.getuid() != 0:
        return
    agent = pwd.getpwnam("agent")
    protected = grp.getgrnam("protected").gr_gid
    for folder, folders, files, fd in os.fwalk(home, follow_symlinks=False):
        folders[:] = [name for name in folders if os.stat(name, dir_fd=fd, follow_symlinks=False).st_gid != protected]
        for name in folders + files:
            if os.stat(name, dir_fd=fd, follow_symlinks=False).st_gid != protected:
                os.chown(name, agent.pw_uid, agent.pw_gid, dir_fd=fd, follow_symlinks=False)


main(sys.argv[1])
