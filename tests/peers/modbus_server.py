"""A pymodbus TCP server for the black-box tests.

Prints `listening PORT` once it serves. Reads commands from standard input:
`float ADDRESS VALUE` writes a big-endian IEEE single into two holding registers,
`word ADDRESS VALUE` writes one.
"""
import asyncio
import socket
import struct
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer


async def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
        port = probe.getsockname()[1]
    device = ModbusDeviceContext(hr=ModbusSequentialDataBlock(1, [0] * 200))
    server = ModbusTcpServer(ModbusServerContext(devices=device, single=True), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    print("listening", port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what, address, value = line.split()
        if what == "float":
            words = list(struct.unpack(">HH", struct.pack(">f", float(value))))
        else:
            words = [int(value)]
        device.setValues(3, int(address), words)
        print("done", flush=True)


asyncio.run(main())
