"""A Sparkplug B edge node with one device, for the black-box tests: pysparkplug's payloads and client.

`sparkplug_node.py HOST PORT [--group G] [--node N] [--device D] [--bdseq NUMBER] [--compress]`

Prints `ready` after its births. Metrics of node and device, with their aliases in the BIRTH only:
`pressure` (Float, 1 and 11), `level` (Int16, 2 and 12), `running` (Boolean, 3 and 13), `note` (String,
4 and 14), `count` (UInt64, 5 and 15). A rebirth request is answered with all births.
Reads commands from standard input, answers each with `done`, or with what is said here:

`data NAME VALUE…`         NDATA by alias; VALUE as the datatype wants it, `null` for no value
`device-data NAME VALUE…`  DDATA likewise
`named NAME VALUE…`        NDATA by name and datatype, without alias
`past SECONDS NAME VALUE…` NDATA by alias, is_historical, as of SECONDS ago
`quality CODE NAME VALUE`  NDATA by alias with the property `Quality`
`unknown-alias`            NDATA under an alias that no BIRTH gave
`gap`                      skips a sequence number
`swap`                     the next two messages are published in the other order
`again`                    publishes the last message once more
`device-death`, `device-birth`, `birth` (all births), `death` (publishes NDEATH, ends the connection)
`stale-death`              publishes the NDEATH of the session before
`vanish`                   ends the process without a word: the broker publishes the will
`shuffle`                  gives every metric another alias and publishes all births
`rebirth?`                 answers `rebirths NUMBER`: how many were asked for so far
"""
import argparse
import os
import sys
import threading
import time
import zlib

import pysparkplug as spb
from pysparkplug._protobuf import Payload
from pysparkplug._time import get_current_timestamp

TYPES = {
    "pressure": spb.DataType.FLOAT,
    "level": spb.DataType.INT16,
    "running": spb.DataType.BOOLEAN,
    "note": spb.DataType.STRING,
    "count": spb.DataType.UINT64,
}
FIRST = {"pressure": 1.25, "level": -8, "running": True, "note": "1.5", "count": 7}
REBIRTH = "Node Control/Rebirth"


def value_of(name, text):
    if text == "null":
        return None
    kind = TYPES[name]
    if kind is spb.DataType.BOOLEAN:
        return text in ("true", "on", "1")
    if kind is spb.DataType.FLOAT:
        return float(text)
    return text if kind is spb.DataType.STRING else int(text)


class Bytes:
    """A payload that is bytes already, for the library's client."""

    def __init__(self, data):
        self.data = data

    def encode(self, **_):
        return self.data


class Node:
    def __init__(self, args):
        self.args = args
        self.seq = 0
        self.bd_seq = args.bdseq
        self.asked = 0
        self.shift = 0
        self.values = {None: dict(FIRST), args.device: dict(FIRST)}
        self.last = None
        self.swapped = None
        self.lock = threading.RLock()
        self.born = threading.Event()
        self.client = spb.Client(client_id=f"node-{args.group}-{args.node}")
        self.client.set_will(self.death(self.bd_seq))
        command = self.topic(spb.MessageType.NCMD)
        self.client.subscribe(command, spb.QoS.AT_LEAST_ONCE, self.commanded)
        self.client.connect(args.host, port=args.port, callback=lambda _: self.connected())

    def topic(self, kind, device=None):
        return spb.Topic(
            message_type=kind, group_id=self.args.group, edge_node_id=self.args.node, device_id=device
        )

    def death(self, number):
        metric = spb.Metric(get_current_timestamp(), "bdSeq", spb.DataType.INT64, value=number)
        payload = spb.NDeath(timestamp=get_current_timestamp(), bd_seq_metric=metric)
        topic = self.topic(spb.MessageType.NDEATH)
        return spb.Message(topic=topic, payload=payload, qos=spb.QoS.AT_LEAST_ONCE, retain=False)

    def connected(self):
        self.births()
        self.born.set()

    def commanded(self, _, message):
        for metric in message.payload.metrics:
            if metric.name == REBIRTH and metric.value:
                self.asked += 1
                self.births()

    def alias(self, name, device):
        names = list(TYPES)
        at = (names.index(name) + self.shift) % len(names)
        return at + (11 if device else 1)

    def metric(self, name, value, device=None, *, by_name=False, by_alias=True, **more):
        # The library writes a datatype into every metric; by alias it is taken out again in `send`.
        return spb.Metric(
            more.pop("timestamp", None) or get_current_timestamp(),
            name if by_name else None,
            TYPES[name],
            value=value,
            alias=self.alias(name, device) if by_alias else None,
            is_null=value is None,
            **more,
        )

    def births(self):
        with self.lock:
            self.seq = 0
            self.birth(None)
            self.birth(self.args.device)

    def birth(self, device):
        metrics = [self.metric(n, v, device, by_name=True) for n, v in self.values[device].items()]
        if device is None:
            now = get_current_timestamp()
            metrics.append(spb.Metric(now, "bdSeq", spb.DataType.INT64, value=self.bd_seq))
            metrics.append(spb.Metric(now, REBIRTH, spb.DataType.BOOLEAN, value=False))
        kinds = (spb.MessageType.NBIRTH, spb.NBirth) if device is None else (spb.MessageType.DBIRTH, spb.DBirth)
        self.send(kinds, device, tuple(metrics), include_dtypes=True)

    def data(self, metrics, device=None, **options):
        kinds = (spb.MessageType.NDATA, spb.NData) if device is None else (spb.MessageType.DDATA, spb.DData)
        self.send(kinds, device, tuple(metrics), **options)

    def send(self, kinds, device, metrics, include_dtypes=False, change=None):
        kind, payload_of = kinds
        with self.lock:
            payload = payload_of(timestamp=get_current_timestamp(), seq=self.seq, metrics=metrics)
            self.seq = (self.seq + 1) % 256
            data = payload.encode(include_dtypes=include_dtypes)
            if change:
                inner = Payload.FromString(data)
                change(inner)
                data = inner.SerializeToString()
            if self.args.compress:
                data = Payload(uuid="SPBV1.0_COMPRESSED", body=zlib.compress(data)).SerializeToString()
            self.put(spb.Message(self.topic(kind, device), Bytes(data), spb.QoS.AT_MOST_ONCE, False))

    def put(self, message):
        if self.swapped is not None:
            self.swapped.append(message)
            if len(self.swapped) < 2:
                return
            messages, self.swapped = self.swapped[::-1], None
        else:
            messages = [message]
        for message in messages:
            self.last = message
            self.client.publish(message)

    def run(self, words):
        device = self.args.device
        match words:
            case ["data", *pairs]:
                self.data(self.changed(pairs, None))
            case ["device-data", *pairs]:
                self.data(self.changed(pairs, device), device)
            case ["named", *pairs]:
                self.data(self.changed(pairs, None, by_name=True, by_alias=False), include_dtypes=True)
            case ["past", seconds, *pairs]:
                at = get_current_timestamp() - int(float(seconds) * 1000)
                self.data(self.changed(pairs, None, timestamp=at, is_historical=True))
            case ["quality", code, *pairs]:

                def change(payload):
                    properties = payload.metrics[0].properties
                    properties.keys.append("Quality")
                    properties.values.add(type=3, int_value=int(code))

                self.data(self.changed(pairs, None), change=change)
            case ["unknown-alias"]:
                self.data([spb.Metric(get_current_timestamp(), None, spb.DataType.FLOAT, value=66.0, alias=99)])
            case ["gap"]:
                self.seq = (self.seq + 1) % 256
            case ["swap"]:
                self.swapped = []
            case ["again"]:
                self.client.publish(self.last)
            case ["device-death"]:
                with self.lock:
                    payload = spb.DDeath(timestamp=get_current_timestamp(), seq=self.seq)
                    self.seq = (self.seq + 1) % 256
                    topic = self.topic(spb.MessageType.DDEATH, device)
                    self.put(spb.Message(topic, payload, spb.QoS.AT_MOST_ONCE, False))
            case ["device-birth"]:
                self.birth(device)
            case ["birth"]:
                self.births()
            case ["shuffle"]:
                self.shift += 1
                self.births()
            case ["stale-death"]:
                self.client.publish(self.death((self.bd_seq - 1) % 256))
            case ["death"]:
                self.client.publish(self.death(self.bd_seq))
                time.sleep(0.2)
                self.client.disconnect()
            case ["vanish"]:
                print("done", flush=True)
                os._exit(1)
            case ["rebirth?"]:
                return f"rebirths {self.asked}"
            case _:
                return f"what? {' '.join(words)}"
        return "done"

    def changed(self, pairs, device, **options):
        metrics = []
        for name, text in zip(pairs[::2], pairs[1::2], strict=True):
            value = value_of(name, text)
            if not options.get("is_historical"):
                self.values[device][name] = value
            metrics.append(self.metric(name, value, device, **options))
        return metrics


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--group", default="plant")
    parser.add_argument("--node", default="node-1")
    parser.add_argument("--device", default="boiler-1")
    parser.add_argument("--bdseq", type=int, default=3)
    parser.add_argument("--compress", action="store_true")
    node = Node(parser.parse_args())
    if not node.born.wait(10):
        sys.exit("no connection to the broker")
    print("ready", flush=True)
    for line in sys.stdin:
        print(node.run(line.split()), flush=True)


main()
