"""A pymodbus server for the black-box tests.

One transport a process:

    modbus_server.py [--tcp PORT]                            Modbus TCP; 0, the default, takes a free port
    modbus_server.py --rtu-tcp PORT                          RTU frames on a TCP socket, as serial servers offer them
    modbus_server.py --udp PORT                              Modbus TCP frames in UDP datagrams
    modbus_server.py --ascii-tcp PORT                        Modbus ASCII on a TCP socket
    modbus_server.py --rtu DEVICE [--baud --parity --stop]   RTU on a serial device or pty
    modbus_server.py --ascii DEVICE [--baud …]               Modbus ASCII there
    modbus_server.py --dial HOST:PORT --registration TEXT    a 4G DTU that calls its gateway (see modbus_dtu.py)

Prints one line once it serves, its last word the place: `listening PORT`, `serving DEVICE`, `dialling HOST:PORT`.
Then reads commands from standard input and answers each with `done` or `refused: WHY`:

    holding ADDRESS WORD… [unit=N]    input, coil and discrete likewise; without unit=N in every unit
    hang-up                           with --dial: drops the connection, and dials again

Addresses count from 0, as on the wire. Ends when standard input closes.

Without --units every unit id answers from the same data. With it, a unit that is not there is answered with
exception 0x0B over TCP, as a gateway does, and with silence on RTU, as a bus does.
"""
import argparse
import asyncio
import os
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.framer import FramerType
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusUdpServer
from pymodbus.server.requesthandler import ServerRequestHandler

from modbus_dtu import Dtu, packet

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
HOST = "127.0.0.1"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    transport = parser.add_mutually_exclusive_group()
    transport.add_argument("--tcp", type=int, metavar="PORT", default=0)
    transport.add_argument("--rtu-tcp", type=int, metavar="PORT")
    transport.add_argument("--udp", type=int, metavar="PORT")
    transport.add_argument("--ascii-tcp", type=int, metavar="PORT")
    transport.add_argument("--rtu", metavar="DEVICE")
    transport.add_argument("--ascii", metavar="DEVICE")
    transport.add_argument("--dial", metavar="HOST:PORT")
    parser.add_argument("--baud", type=int, default=9600)
    parser.add_argument("--parity", choices="NEO", default="E")
    parser.add_argument("--stop", type=int, choices=(1, 2), default=1)
    parser.add_argument("--registration", type=packet, default=b"", metavar="TEXT", help="TEXT or hex:0A0B")
    parser.add_argument("--heartbeat", type=packet, default=b"", metavar="TEXT", help="TEXT or hex:0A0B")
    parser.add_argument("--heartbeat-every", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--units", type=unit_ids, default=[], metavar="1,2,17")
    parser.add_argument("--registers", type=int, default=1000, help="of each table; beyond is exception 2")
    parser.add_argument("--identity", action="store_true", help="answer 0x2B/0x0E with vendor, product and revision")
    parser.add_argument("--slow", type=int, default=0, metavar="MS", help="send each answer that much later")
    return parser.parse_args()


def unit_ids(text: str) -> list[int]:
    ids = [int(word) for word in text.split(",")]
    if not all(1 <= unit <= 247 for unit in ids):
        raise argparse.ArgumentTypeError("unit ids are 1 to 247")
    return ids


def identity() -> ModbusDeviceIdentification:
    """What 0x2B/0x0E answers. Made only when wanted: pymodbus keeps the names in one place for the whole process."""
    return ModbusDeviceIdentification(
        info_name={
            "VendorName": "Steamward Test Works",
            "ProductCode": "PB-17",
            "MajorMinorRevision": "2.4.1",
            "ProductName": "Practice boiler",
        }
    )


def device(registers: int) -> ModbusDeviceContext:
    blocks = {table: ModbusSequentialDataBlock(1, [0] * registers) for table in ("co", "di", "hr", "ir")}
    return ModbusDeviceContext(**blocks)


class Units:
    """The data of every unit, and the commands that change it."""

    def __init__(self, ids: list[int], registers: int) -> None:
        self.devices = {unit: device(registers) for unit in ids or [0]}
        self.context = ModbusServerContext(
            devices=self.devices if ids else self.devices[0],
            single=not ids,
        )

    def command(self, line: str) -> None:
        """Carries out one line; ValueError or KeyError if it makes no sense."""
        words = line.split()
        named = [int(word.removeprefix("unit=")) for word in words if word.startswith("unit=")]
        what, address, *values = [word for word in words if not word.startswith("unit=")]
        chosen = [self.devices[unit] for unit in named] or self.devices.values()
        for one in chosen:
            if one.setValues(FUNCTIONS[what], int(address), [int(v) for v in values]):
                raise ValueError(f"no such address: {address}")


def delay_answers(server: ModbusTcpServer | ModbusSerialServer, seconds: float) -> None:
    """Makes every new connection of `server` send its answers later; each keeps its transaction id."""

    class Later(ServerRequestHandler):
        def server_send(self, pdu, addr):
            self.loop.call_later(seconds, super().server_send, pdu, addr)

    server.callback_new_connection = lambda: Later(
        server, server.trace_packet, server.trace_pdu, server.trace_connect
    )


async def start(options: argparse.Namespace, units: Units) -> tuple[ModbusTcpServer | ModbusSerialServer, int]:
    """The running server, and its TCP port or 0."""
    common = {"identity": identity() if options.identity else None}
    framer = FramerType.ASCII if options.ascii or options.ascii_tcp is not None else FramerType.RTU
    bus = {"framer": framer, "ignore_missing_devices": True, "broadcast_enable": True}
    line = options.rtu or options.ascii
    if line:
        server = ModbusSerialServer(
            units.context,
            port=line,
            baudrate=options.baud,
            # A pty has no parity bit: Linux refuses to be asked for one.
            parity="N" if os.path.realpath(line).startswith("/dev/pts/") else options.parity,
            stopbits=options.stop,
            **bus,
            **common,
        )
    elif options.dial:
        server = ModbusTcpServer(units.context, address=(HOST, 0), **bus, **common)
    elif options.udp is not None:
        server = ModbusUdpServer(units.context, address=(HOST, options.udp), **common)
    elif options.ascii_tcp is not None:
        server = ModbusTcpServer(units.context, address=(HOST, options.ascii_tcp), **bus, **common)
    elif options.rtu_tcp is not None:
        server = ModbusTcpServer(units.context, address=(HOST, options.rtu_tcp), **bus, **common)
    else:
        server = ModbusTcpServer(units.context, address=(HOST, options.tcp), **common)
    if options.slow:
        delay_answers(server, options.slow / 1000)
    await server.serve_forever(background=True)
    if options.udp is not None:
        return server, server.transport.get_extra_info("sockname")[1]
    return server, 0 if line else server.transport.sockets[0].getsockname()[1]


async def main() -> None:
    options = arguments()
    units = Units(options.units, options.registers)
    server, port = await start(options, units)
    dtu = dialling = None
    if options.dial:
        dtu = Dtu(options.dial, (HOST, port), options.registration, options.heartbeat, options.heartbeat_every)
        dialling = asyncio.create_task(dtu.run())
        print("dialling", options.dial, flush=True)
    else:
        print(*(("serving", line) if (line := options.rtu or options.ascii) else ("listening", port)), flush=True)

    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            if line.strip() == "hang-up" and dtu:
                dtu.hang_up()
            else:
                units.command(line)
            print("done", flush=True)
        except (ValueError, KeyError, IndexError) as error:
            print("refused:", repr(error), flush=True)

    if dialling:
        dialling.cancel()
        await asyncio.wait([dialling])
    await server.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
