"""A day's traffic of legal MQTT clients pressed into SECONDS, and hostile ones beside them.

`mqtt_day.py HOST PORT [--clients N] [--seconds S] [--hostile N] [--seed N] [--pause FACTOR]`

Users `dtu` (password `their word`) and, for takeovers, `us` (`our word`) must be known to the broker. The
legal clients are paho-mqtt in 3.1.1 and 5: publishers at QoS 0, 1 and 2 (with properties in version 5),
readers with persistent sessions that go away and come back, shared subscriptions whose members leave with a
message unacknowledged, takeovers, wills, kept messages, and `mosquitto_pub` in both versions. One more publishes
`plant/receiver-1` for the gateway. The hostile ones send what no client may send, as users and as strangers.

Prints one JSON object at the end. Exit code 1 if a message at QoS 1 or 2 did not arrive, one at QoS 2 came
twice, or a will or a kept message was missing.
"""
import argparse
import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

options = argparse.ArgumentParser()
options.add_argument("host")
options.add_argument("port", type=int)
options.add_argument("--clients", type=int, default=200)
options.add_argument("--seconds", type=float, default=600)
options.add_argument("--hostile", type=int, default=4)
options.add_argument("--seed", type=int, default=1)
options.add_argument("--pause", type=float, default=1, help="stretches the pauses between the messages of a publisher")
options = options.parse_args()

chance = random.Random(options.seed)
lock = threading.Lock()
counts = Counter()
faults = []
sent = defaultdict(set)  # QoS -> {"client/number"} that the broker has confirmed
ends = time.monotonic() + options.seconds


def fault(what):
    with lock:
        faults.append(what)


def on(version):
    return mqtt.MQTTv5 if version == 5 else mqtt.MQTTv311


def client(name, version, keep=False, user="dtu", password="their word"):
    made = mqtt.Client(name, protocol=on(version), **({} if version == 5 else {"clean_session": not keep}))
    made.username_pw_set(user, password)
    made.max_inflight_messages_set(20)
    made.max_queued_messages_set(0)
    made.reconnect_delay_set(1, 4)
    return made


def connect(of, version, keep=False):
    if version == 5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600 if keep else 0
        of.connect(options.host, options.port, 60, clean_start=not keep, properties=properties)
    else:
        of.connect(options.host, options.port, 60)


def wait_for(what, done, seconds=60):
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            fault(what)
            return False
        time.sleep(0.05)
    return True


class Publisher(threading.Thread):
    """Publishes numbered messages at QoS 0, 1, 2 in turn; now and then drops its line and comes back."""

    def __init__(self, n, share):
        super().__init__(daemon=True)
        self.name, self.version, self.share = f"pub-{n}", 5 if n % 2 else 4, share
        self.topic = f"day/{self.share}/{self.name}"
        self.chance = random.Random(options.seed * 1000 + n)

    def run(self):
        of = client(self.name, self.version, keep=True)
        # Never held while paho is called: it holds locks of its own when it calls back.
        guard, pending, early = threading.Lock(), {}, set()

        def confirmed(qos, text):
            with lock:
                sent[qos].add(text)

        def published(_client, _data, mid):
            with guard:
                done = pending.pop(mid, None)
                if done is None:
                    early.add(mid)
            if done:
                confirmed(*done)

        of.on_publish = published
        connect(of, self.version, keep=True)
        of.loop_start()
        wait_for(f"{self.name} connects", of.is_connected)
        number = 0
        while time.monotonic() < ends:
            qos = number % 3
            text = f"{self.share}/{self.name}/{number}"
            properties = None
            if self.version == 5:
                properties = Properties(PacketTypes.PUBLISH)
                properties.UserProperty = [("unit", "MPa"), ("line", "2")]
                properties.ContentType = "text/plain"
                properties.MessageExpiryInterval = 3600
                properties.ResponseTopic = "day/answers"
                properties.CorrelationData = b"\x00\x01"
            info = of.publish(self.topic, text, qos=qos, properties=properties)
            with guard:
                already = info.mid in early
                early.discard(info.mid)
                if not already:
                    pending[info.mid] = (qos, text)
            if already:
                confirmed(qos, text)
            with lock:
                counts["published"] += 1
            number += 1
            if self.chance.random() < 0.03:
                sock = of.socket()
                if sock is not None:
                    counts["lines dropped"] += 1
                    try:
                        sock.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
            time.sleep(self.chance.uniform(0.2, 1.2) * options.pause)
        wait_for(f"{self.name}: {len(pending)} messages are confirmed",
                 lambda: not [p for p in list(pending.values()) if p[0] > 0])
        of.disconnect()
        of.loop_stop()


class Reader(threading.Thread):
    """A persistent session that leaves, in the middle of a message too, and comes back; counts what it gets."""

    def __init__(self, n, filters, version, leave, pause):
        super().__init__(daemon=True)
        self.name, self.filters, self.version, self.leave, self.pause = f"read-{n}", filters, version, leave, pause
        self.got = Counter()
        self.twice = 0
        self.ready = threading.Event()
        self.done = threading.Event()
        self.chance = random.Random(options.seed * 2000 + n)

    def run(self):
        of = client(self.name, self.version, keep=True)

        def subscribed(*_):
            self.ready.set()

        def connected(c, _data, flags, *_):
            present = flags["session present"] if isinstance(flags, dict) else flags
            if not present:
                if self.ready.is_set():
                    fault(f"{self.name}: its session is gone")
                c.subscribe([(f, 2) for f in self.filters])

        def came(c, _data, message):
            text = message.payload.decode()
            with lock:
                self.got[text] += 1
                if message.qos == 2 and self.got[text] > 1:
                    self.twice += 1
            if not self.done.is_set() and self.leave and self.chance.random() < self.leave:
                # Gone before the acknowledgement is sent.
                counts["left unacknowledged"] += 1
                sock = c.socket()
                if sock is not None:
                    try:
                        sock.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

        of.on_subscribe, of.on_connect, of.on_message = subscribed, connected, came
        connect(of, self.version, keep=True)
        of.loop_start()
        self.done.wait()
        of.disconnect()
        of.loop_stop()


def takeovers():
    """Two programs of one client id throw each other out, again and again; both versions in turn."""
    n = 0
    while time.monotonic() < ends:
        version = 5 if n % 2 else 4
        both = [client("twin", version, keep=n % 4 > 1) for _ in range(2)]
        for one in both:
            connect(one, version, keep=n % 4 > 1)
            one.loop_start()
            wait_for("a twin connects", one.is_connected, 20)
        # Loops reconnect by themselves: stopped, so that they do not fight.
        for one in both:
            one.loop_stop()
        counts["takeovers"] += 1
        n += 1
        time.sleep(0.7)


def wills():
    """A client with a will dies; the one who watches must hear of it. Then an orderly one, unheard."""
    heard = Counter()
    watch = client("watch", 5)
    watch.on_message = lambda c, d, m: heard.update([m.payload.decode()])
    connect(watch, 5)
    watch.loop_start()
    wait_for("the watcher connects", watch.is_connected)
    watch.subscribe("wills/#", 1)
    time.sleep(0.5)
    n = 0
    while time.monotonic() < ends - 5:
        version, text = (5 if n % 2 else 4), f"gone {n}"
        dies = client(f"dies-{n % 5}", version)
        dies.will_set(f"wills/{n % 5}", text, qos=1, retain=False)
        connect(dies, version)
        dies.loop_start()
        wait_for("one with a will connects", dies.is_connected)
        if n % 3 == 2:
            dies.disconnect()
            dies.loop_stop()
            time.sleep(0.5)
            if heard[text]:
                fault(f"a will after an orderly end: {text}")
        else:
            dies.loop_stop()
            sock = dies.socket()
            if sock is not None:
                sock.close()
            wait_for(f"the will arrives: {text}", lambda: heard[text] > 0, 30)
            counts["wills"] += 1
        n += 1
        time.sleep(0.5)
    watch.disconnect()
    watch.loop_stop()


def kept():
    """What was kept is given to whoever subscribes later, in either version; and is gone when emptied."""
    n = 0
    while time.monotonic() < ends - 5:
        topic, text = f"kept/{n % 20}", f"value {n}"
        writer = client("keeps", 5 if n % 2 else 4)
        connect(writer, 5 if n % 2 else 4)
        writer.loop_start()
        writer.publish(topic, text, qos=1, retain=True).wait_for_publish(30)
        got = []
        later = client("later", 4 if n % 2 else 5)
        later.on_message = lambda c, d, m: got.append((m.payload.decode(), m.retain))
        connect(later, 4 if n % 2 else 5)
        later.loop_start()
        later.subscribe(topic, 1)
        wait_for(f"the kept message arrives: {text}", lambda: (text, 1) in [(g[0], int(g[1])) for g in got], 30)
        writer.publish(topic, b"", qos=1, retain=True).wait_for_publish(30)
        for one in (writer, later):
            one.disconnect()
            one.loop_stop()
        counts["kept"] += 1
        n += 1
        time.sleep(0.5)


def mosquitto():
    """The commands of another make, in both versions: one reads until it has a message, one publishes until then."""
    n = tries = 0
    while time.monotonic() < ends - 3:
        version, qos = ["mqttv311", "mqttv5"][n % 2], 1 + n % 2
        common = ["-h", options.host, "-p", str(options.port), "-V", version, "-u", "dtu", "-P", "their word"]
        reader = subprocess.Popen(["mosquitto_sub", *common, "-q", "1", "-t", "day/m/+", "-C", "1", "-W", "30"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        published = set()
        # Until the reader is subscribed nothing reaches it.
        while reader.poll() is None:
            text = f"m/mosq/{tries}"
            tries += 1
            command = ["mosquitto_pub", *common, "-q", str(qos), "-t", "day/m/mosq", "-m", text]
            if version == "mqttv5":
                command += ["-D", "publish", "user-property", "make", "x", "-D", "publish", "content-type", "text"]
            done = subprocess.run(command, capture_output=True, timeout=60)
            if done.returncode:
                fault(f"mosquitto_pub: {done.stderr.decode()}")
                break
            published.add(text)
            with lock:
                sent[qos].add(text)
            time.sleep(0.3)
        got, said = reader.communicate(timeout=60)
        if got.decode().strip() not in published:
            fault(f"mosquitto_sub read {got!r}: {said.decode()}")
        counts["mosquitto"] += 1
        n += 1
        time.sleep(1)


def for_the_gateway():
    """Readings of the air receiver: what the gateway must not miss."""
    of = client("receiver-1", 5)
    connect(of, 5)
    of.loop_start()
    wait_for("the receiver connects", of.is_connected)
    last = []
    while time.monotonic() < ends:
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = ("unit", "MPa")
        counts["readings"] += 1
        text = json.dumps({"p": counts["readings"] / 1000, "ts": int(time.time() * 1000)})
        last.append(of.publish("plant/receiver-1", text, qos=1, properties=properties))
        time.sleep(0.2)
    for info in last:
        info.wait_for_publish(30)
    of.disconnect()
    of.loop_stop()


def text(of):
    of = of.encode()
    return struct.pack(">H", len(of)) + of


def packet(first, body):
    length, out = len(body), b""
    while True:
        byte = length & 0x7F
        length >>= 7
        out += bytes([byte | (0x80 if length else 0)])
        if not length:
            return bytes([first]) + out + body


def hello(version, name, password="their word", user="dtu", flags=0xC2):
    properties = b"\x00" if version == 5 else b""
    return packet(0x10, text("MQTT") + bytes([version, flags, 0, 60]) + properties + text(name) + text(user) + text(password))


def nasty(version):
    """Packets that no client may send, or that broke brokers before."""
    p = b"\x00" if version == 5 else b""
    return [
        packet(0x20, b"\x00\x00" + p),  # CONNACK
        packet(0xB0, b"\x00\x01" + p + b"\x00"),  # UNSUBACK
        packet(0x90, b"\x00\x01" + p + b"\x00"),  # SUBACK
        packet(0xD0, b""),  # PINGRESP
        packet(0x00, b""), packet(0xF0, b"\x18\x00"),
        packet(0x36, text("a") + b"\x00\x01" + p + b"x"),  # QoS 3
        packet(0x32, text("a") + b"\x00\x00" + p + b"x"),  # id 0
        packet(0x30, text("a/#") + p + b"x"), packet(0x30, text("") + p + b"x"),
        packet(0x30, text("$SYS/broker/x") + p + b"x"),
        packet(0x82, b"\x00\x01" + p + text("a/#/b") + b"\x01"),
        packet(0x82, b"\x00\x01" + p + text("$share/") + b"\x01"),
        packet(0x82, b"\x00\x01" + p + text("$share/g") + b"\x01"),
        packet(0x82, b"\x00\x01" + p), packet(0x82, b"\x00\x01" + p + text("a") + b"\x07"),
        packet(0xA2, b"\x00\x01" + p), packet(0x62, b"\x12\x34"), packet(0x40, b"\x12\x34"),
        packet(0x50, b"\x12\x34"), packet(0x70, b"\x12\x34"), packet(0xC0, b"x"),
        b"\x30\xff\xff\xff\xff\x7f", b"\x30\xff\xff\xff\x7f", b"\x30\x80\x80\x80\x01",
        packet(0x30, b"\xff\xff" + b"a" * 10), packet(0x30, b"\x00\x02\xc3\x28" + p + b"x"),
        packet(0x30, b"\x00\x01\x00" + p + b"x"), hello(version, "again"),
        packet(0x30, text("a") + (b"\x03\x23\x00\x00" if version == 5 else b"") + b"x"),  # topic alias 0
        packet(0x30, text("a") + (b"\xff\xff\xff\x7f" if version == 5 else b"") + b"x"),
        packet(0x30, text("a") + (b"\x02\x0b\x01" if version == 5 else b"") + b"x"),  # subscription identifier
    ]


def talk(data, wait=0.3, after=None):
    """Opens a line, says `data`, reads a little, says `after`."""
    with socket.create_connection((options.host, options.port), timeout=5) as line:
        line.settimeout(wait)
        line.sendall(data)
        try:
            line.recv(4096)
            if after is not None:
                line.sendall(after)
                line.recv(4096)
        except (TimeoutError, OSError):
            pass


def hostile(n):
    dice = random.Random(options.seed * 3000 + n)
    names = ["a/b", "+", "#", "$SYS", "$share/g/x", "a\x00b", "../x", "x" * 200, ""]
    held = []
    while time.monotonic() < ends:
        version = dice.choice([4, 5])
        try:
            kind = dice.randrange(8)
            if kind < 3:
                talk(hello(version, f"evil-{n}"), after=dice.choice(nasty(version)))
            elif kind == 3:
                name = dice.choice(names)
                talk(hello(version, name), wait=0.1)
                talk(hello(version, name, flags=0xC0), wait=0.1)
            elif kind == 4:
                talk(hello(version, "read-0", password=dice.choice(["", "x", "their wordy"])), wait=0.1)
            elif kind == 5:
                talk(dice.choice(nasty(version)), wait=0.1)
            elif kind == 6:
                good = bytearray(hello(version, f"evil-{n}") + dice.choice(nasty(version)))
                for _ in range(dice.randrange(1, 6)):
                    good[dice.randrange(len(good))] = dice.randrange(256)
                talk(bytes(good), wait=0.1)
            else:
                held.append(socket.create_connection((options.host, options.port), timeout=5))
                held[-1].sendall(hello(version, "slow")[: dice.randrange(0, 20)])
                if len(held) > 8:
                    held.pop(0).close()
            counts["hostile"] += 1
        except OSError:
            counts["hostile turned away"] += 1
        time.sleep(dice.uniform(0.02, 0.2))


def leaves_with_one_unacknowledged():
    """A member of a persistent shared subscription takes a message, never acknowledges it and leaves; raw bytes,
    for no library does it. The message must reach it when it comes back."""
    n = 0
    while time.monotonic() < ends - 8:
        version = 5 if n % 2 else 4
        p, expiry = (b"\x00", b"\x05\x11\x00\x00\x0e\x10") if version == 5 else (b"", b"")
        name, topic, what = f"sharer-{n}", f"shared/{n}", f"only {n}".encode()
        begin = packet(0x10, text("MQTT") + bytes([version, 0xC0, 0, 60]) + expiry + text(name) + text("dtu") + text("their word"))
        writer = client("writes", version)
        connect(writer, version)
        writer.loop_start()
        try:
            with socket.create_connection((options.host, options.port), timeout=20) as line:
                line.sendall(begin)
                line.recv(4096)
                line.sendall(packet(0x82, b"\x00\x07" + p + text(f"$share/g/{topic}") + b"\x01"))
                line.recv(4096)
                writer.publish(topic, what, qos=1).wait_for_publish(30)
                got = b""
                while what not in got:
                    more = line.recv(4096)
                    if not more:
                        break
                    got += more
            with socket.create_connection((options.host, options.port), timeout=20) as line:
                line.sendall(begin)
                got = b""
                while what not in got:
                    more = line.recv(4096)
                    if not more:
                        break
                    got += more
                if what not in got:
                    fault(f"{what} was not given again")
        except OSError as error:
            fault(f"shared, {what}: {error}")
        writer.disconnect()
        writer.loop_stop()
        counts["shared, unacknowledged"] += 1
        n += 1
        time.sleep(0.5)


def main():
    shares = ["a", "b", "c", "m"]
    # Persistent readers of everything in both versions, members of two shared groups, and short-lived helpers.
    readers = [Reader(n, ["day/#"], 5 if n % 2 else 4, 0.002 if n else 0, 0) for n in range(4)]
    groups = [[Reader(100 + 10 * g + n, [f"$share/group{g}/day/#"], 5 if n % 2 else 4, 0.01, 0) for n in range(3)]
              for g in range(2)]
    members = [m for group in groups for m in group]
    for reader in readers + members:
        reader.start()
    for reader in readers + members:
        if not reader.ready.wait(60):
            fault(f"{reader.name} is not subscribed")
    helpers = [takeovers, wills, kept, mosquitto, for_the_gateway, leaves_with_one_unacknowledged]
    others = [threading.Thread(target=t, daemon=True) for t in helpers]
    others += [threading.Thread(target=hostile, args=(n,), daemon=True) for n in range(options.hostile)]
    used = len(readers) + len(members) + 9
    publishers = [Publisher(n, shares[n % 3]) for n in range(max(4, options.clients - used))]
    for thread in others + publishers:
        thread.start()
    for thread in others + publishers:
        thread.join(options.seconds + 180)
        if thread.is_alive():
            fault(f"{thread.name} does not come to its end")
    want = sent[1] | sent[2]

    def missing(of):
        with lock:
            got = set().union(*(set(r.got) for r in of))
        return want - got

    for of in [[r] for r in readers] + groups:
        wait_for(f"{of[0].name} gets everything", lambda of=of: not missing(of), 90)
    for of in [[r] for r in readers] + groups:
        left = missing(of)
        if left:
            fault(f"{of[0].name}: {len(left)} of {len(want)} are missing, e.g. {sorted(left)[:3]}")
    twice = sum(r.twice for r in readers)
    if twice:
        fault(f"{twice} messages of QoS 2 came twice")
    for reader in readers + members:
        reader.done.set()
    print(json.dumps({"confirmed": {str(q): len(s) for q, s in sorted(sent.items())}, **counts, "faults": faults[:20]}))
    sys.exit(1 if faults else 0)


main()
