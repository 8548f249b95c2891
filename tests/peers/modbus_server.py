"""A pymodbus TCP server for the black-box tests.

Prints `listening PORT` once it serves. Reads commands from standard input, answers each with `done`:
`holding ADDRESS WORD…`, `input ADDRESS WORD…`, `coil ADDRESS BIT…`, `discrete ADDRESS BIT…`.
Addresses count from 0, as on the wire.
"""
import asyncio
import socket
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


def block() -> ModbusSequentialDataBlock:
    return ModbusSequentialDataBlock(1, [0] * 1000)


async def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
        port = probe.getsockname()[1]
    device = ModbusDeviceContext(co=block(), di=block(), hr=block(), ir=block())
    server = ModbusTcpServer(ModbusServerContext(devices=device, single=True), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    print("listening", port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what, address, *values = line.split()
        device.setValues(FUNCTIONS[what], int(address), [int(v) for v in values])
        print("done", flush=True)


asyncio.run(main())
