# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Become another program that ends when its parent ends.

    python -I -S follow.py <signal number> <parent's pid> <program> <argument>...

Linux sends the signal when the parent is gone, however it went. Elsewhere the parent itself has to stop its children.
Runs as a script without any import of ours, after any change of user, because that would clear the request.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, make sure that the parent was not gone before we asked, and become the program."""
    number, parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
