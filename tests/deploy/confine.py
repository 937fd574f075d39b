"""Starts a program as deploy/backchannel.service lets it be: its system calls, its sockets, no capability.

    python confine.py SYSTEM-CALLS WORD…      the file has one allowed call a line

What systemd would do with the filters is done with the same library (libseccomp), so the server can be tried
under them where no systemd runs: SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from pathlib import Path

LIBRARY = "libseccomp.so.2"
PR_SET_NO_NEW_PRIVS = 38
ALLOW = 0x7FFF0000
REFUSE = 0x00050000
EQUAL, MASKED_EQUAL = 4, 7
WRITE, EXECUTE = 2, 4
CAPABILITY_VERSION = 0x20080522
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """All; with no_new_privs root does not get them back."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def conditions() -> dict[str, list[Compare]]:
    """Calls that are allowed only where one of these holds of their arguments."""
    both = WRITE | EXECUTE
    return {
        "socket": [Compare(0, EQUAL, family, 0) for family in FAMILIES],
        "mmap": [Compare(2, MASKED_EQUAL, both, some) for some in (0, WRITE, EXECUTE)],
        "mprotect": [Compare(2, MASKED_EQUAL, EXECUTE, 0)],
        "pkey_mprotect": [Compare(2, MASKED_EQUAL, EXECUTE, 0)],
    }


def install_filter(calls: frozenset[str]) -> None:
    """Whatever is not allowed is refused with EPERM."""
    seccomp = ctypes.CDLL(LIBRARY)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(REFUSE | errno.EPERM)))
    allow, limited = ctypes.c_uint32(ALLOW), conditions()
    for name in sorted(calls):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # of another processor
            continue
        if name not in limited:
            seccomp.seccomp_rule_add(context, allow, number, 0)
        for compare in limited.get(name, ()):
            seccomp.seccomp_rule_add_array(context, allow, number, 1, ctypes.byref(compare))
    if seccomp.seccomp_load(context) != 0:
        raise OSError("the filter cannot be loaded")


def main() -> None:
    calls = frozenset(Path(sys.argv[1]).read_text(encoding="utf-8").split())
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    drop_capabilities(libc)
    install_filter(calls)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
