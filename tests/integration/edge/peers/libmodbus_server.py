# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""libmodbus as a server, through ctypes: `python libmodbus_server.py tcp PORT` or `rtu DEVICE`.

Register n holds n. Some addresses misbehave, as the peers' table in peers/__init__.py says.
"""

import ctypes
import ctypes.util
import sys
import time
from typing import Any

REGISTERS = 2000
LATE_S = 0.4


class Mapping(ctypes.Structure):
    """modbus_mapping_t of libmodbus 3.1."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("nb_bits", "start_bits", "nb_input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("nb_input_registers", "start_input_registers", "nb_registers")),
        ("start_registers", ctypes.c_int),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    ]


def library() -> Any:
    """libmodbus with its types, or None where it is not installed."""
    try:
        lib = ctypes.CDLL(ctypes.util.find_library("modbus") or "libmodbus.so.5", use_errno=True)
    except OSError:
        return None
    lib.modbus_new_tcp.restype = lib.modbus_new_rtu.restype = ctypes.c_void_p
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    lib.modbus_new_rtu.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int, ctypes.c_int]
    for function in (lib.modbus_set_slave, lib.modbus_tcp_listen):
        function.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.modbus_tcp_accept.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    for function in (
        lib.modbus_connect,
        lib.modbus_get_header_length,
        lib.modbus_close,
        lib.modbus_free,
        lib.modbus_flush,
    ):
        function.argtypes = [ctypes.c_void_p]
    lib.modbus_receive.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.modbus_reply.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(Mapping)]
    lib.modbus_reply_exception.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint]
    for function in (lib.modbus_read_registers, lib.modbus_read_input_registers):
        function.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_uint16)]
    return lib


def answer(lib: Any, context: int, request: bytearray, length: int, mapping: Any) -> None:
    """One answer by libmodbus to a request as it came, or as it is bent for the misbehaving addresses."""
    header = lib.modbus_get_header_length(context)
    place = int.from_bytes(request[header + 1 : header + 3], "big") // 100
    if place == 1:
        time.sleep(LATE_S)
    elif place == 2:
        lib.modbus_reply_exception(context, bytes(request), 6)
        return
    elif place == 3:
        request[header + 3 : header + 5] = b"\0\1"
    elif place == 4:
        request[0] ^= 0x55  # TCP: the transaction; RTU: the unit
    elif place == 5:
        return
    elif place == 6:
        request[header - 1] ^= 0x07
    lib.modbus_reply(context, bytes(request), length, mapping)


def main() -> None:
    """Serve until killed."""
    lib = library()
    kind, where = sys.argv[1:3]
    mapping = lib.modbus_mapping_new(0, 0, REGISTERS, REGISTERS)
    for index in range(REGISTERS):
        mapping.contents.tab_registers[index] = mapping.contents.tab_input_registers[index] = index
    listener = ctypes.c_int(-1)
    if kind == "tcp":
        context = lib.modbus_new_tcp(b"127.0.0.1", int(where))
        listener = ctypes.c_int(lib.modbus_tcp_listen(context, 1))
    else:
        context = lib.modbus_new_rtu(where.encode(), 115_200, b"N", 8, 1)
        lib.modbus_set_slave(context, 1)
        if lib.modbus_connect(context):
            raise SystemExit(f"libmodbus cannot open {where}")
    print("ready", flush=True)
    buffer = ctypes.create_string_buffer(260)
    while True:
        if kind == "tcp" and lib.modbus_tcp_accept(context, ctypes.byref(listener)) < 0:
            continue
        while (length := lib.modbus_receive(context, buffer)) >= 0 or kind == "rtu":
            if length > 0:
                answer(lib, context, bytearray(buffer.raw), length, mapping)
            else:  # what is left of a frame that was not for us would be read as the beginning of the next
                lib.modbus_flush(context)
        lib.modbus_close(context)


if __name__ == "__main__":
    main()
