"""Sparkplug B messages with Templates and DataSets, for `src/field/mqtt/sparkplug/tests/structures.rs`.

`sparkplug_structures.py > src/field/mqtt/sparkplug/tests/structures.hex`

Written from the schema in chapter 6 of the Sparkplug specification 3.0 (the numbers of the fields below), with nothing
but the wire format of protobuf: no library, and nothing of the gateway's. A topic and the payload in hex on each line.
"""
import struct

START = 1_790_000_100_000
INT16, FLOAT, DOUBLE, BOOLEAN, STRING, DATASET, TEMPLATE, UINT64 = 2, 9, 10, 11, 12, 16, 19, 8


def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 0x7F
        out += bytes([low | (0x80 if number else 0)])
        if not number:
            return out


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, body):
    body = body.encode() if isinstance(body, str) else body
    return varint(field << 3 | 2) + varint(len(body)) + body


def single(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def properties(**of):
    """PropertySet: keys 1, values 2; PropertyValue: type 1, int_value 3, string_value 8."""
    keys = b"".join(block(1, key) for key in of)
    values = b""
    for value in of.values():
        text = isinstance(value, str)
        values += block(2, number(1, STRING if text else 3) + (block(8, value) if text else number(3, value)))
    return keys + values


def metric(name=None, alias=None, kind=None, value=b"", at=None, past=False, null=False, props=None):
    out = b""
    if name is not None:
        out += block(1, name)
    if alias is not None:
        out += number(2, alias)
    if at is not None:
        out += number(3, at)
    if kind is not None:
        out += number(4, kind)
    if past:
        out += number(5, 1)
    if null:
        out += number(7, 1)
    if props:
        out += block(9, props)
    return out + value


def template(*members, definition=False, parameter=False):
    """Template: version 1, metrics 2, parameters 3, template_ref 4, is_definition 5."""
    out = block(1, "1.0") + b"".join(block(2, m) for m in members)
    if parameter:
        out += block(3, block(1, "pressure") + number(2, FLOAT) + single(5, 77.0))
    return block(18, out + (b"" if definition else block(4, "Boiler")) + number(5, int(definition)))


def data_set(columns, types, rows, packed=False, told=None):
    """DataSet: num_of_columns 1, columns 2, types 3, rows 4; Row: elements 1."""
    out = number(1, len(columns) if told is None else told)
    out += b"".join(block(2, c) for c in columns)
    out += block(3, b"".join(varint(t) for t in types)) if packed else b"".join(number(3, t) for t in types)
    return block(17, out + b"".join(block(4, b"".join(block(1, e) for e in row)) for row in rows))


def cell(value):
    """DataSetValue: int 1, long 2, float 3, double 4, boolean 5, string 6."""
    if isinstance(value, bool):
        return number(5, int(value))
    if isinstance(value, int):
        return number(1, value & 0xFFFFFFFF)
    if isinstance(value, float):
        return single(3, value)
    return b"" if value is None else block(6, value)


COUNT = [0]


def say(kind, *metrics):
    seq = COUNT[0]
    COUNT[0] += 1
    sent = START + seq * 1000
    body = number(1, sent) + b"".join(block(2, m) for m in metrics) + number(3, seq)
    print(f"{kind}/n", body.hex())


def boiler(*members, **of):
    return metric(value=template(*members), **of)


burner = metric("burner", kind=TEMPLATE, value=template(metric("running", kind=BOOLEAN, value=number(14, 1))))
columns = (["temp", "note"], [FLOAT, STRING])
say(
    "NBIRTH",
    metric("bdSeq", kind=UINT64, value=number(11, 3)),
    metric("_types_/Boiler", kind=TEMPLATE,
           value=template(metric("pressure", kind=FLOAT, value=single(12, 99.0)), definition=True)),
    metric("boiler", alias=20, kind=TEMPLATE, value=template(
        metric("pressure", alias=21, kind=FLOAT, value=single(12, 1250.0), props=properties(engUnit="kPa")),
        metric("level", alias=22, kind=INT16, value=number(10, 0xFFF8)),
        burner, parameter=True)),
    metric("table", kind=DATASET, value=data_set(*columns, [[cell(88.5), cell("ok")]])),
    metric("rows", alias=30, kind=DATASET,
           value=data_set(*columns, [[cell(1.5), cell("a")], [cell(2.5), cell(None)]])),
    metric("bad", kind=DATASET, value=data_set(["x", "y"], [FLOAT], [[cell(1.0), cell(2.0)]])),
    metric("clash/x", kind=DOUBLE, value=double(13, 5.0)),
    metric("clash", kind=TEMPLATE, value=template(metric("x", kind=DOUBLE, value=double(13, 6.0)))),
    metric("pump", kind=TEMPLATE, value=template(
        metric("speed", kind=INT16, value=number(10, 40)), metric("on", kind=BOOLEAN, value=number(14, 1)))),
)
# 1: a part of the template, by its alias; the member by its name, without datatype and unit.
say("NDATA", boiler(metric("pressure", value=single(12, 1500.0)), alias=20))
# 2: the template by its name, the member by its alias.
say("NDATA", boiler(metric(alias=22, value=number(10, 0xFFF7)), name="boiler", kind=TEMPLATE))
# 3: history, of the whole.
say("NDATA", boiler(metric("pressure", value=single(12, 500.0)), alias=20, past=True, at=START - 60_000))
# 4: there is no value.
say("NDATA", metric(alias=20, kind=TEMPLATE, null=True))
# 5: two rows where there was one.
say("NDATA", metric("table", kind=DATASET, value=data_set(*columns, [[cell(1.0), cell("a")], [cell(2.0), cell("b")]])))
# 6: a row that lacks an element; 7: whole again, with packed types and an integer; 8: columns told that are not there.
say("NDATA", metric(alias=30, value=data_set(*columns, [[cell(1.5), cell("a")], [cell(2.5)]])))
say("NDATA", metric(alias=30, value=data_set(["note", "temp"], [STRING, INT16],
                                             [[cell("a"), cell(3)], [cell("b"), cell(-4)]], packed=True)))
say("NDATA", metric(alias=30, value=data_set(*columns, [[cell(1.5), cell("a")], [cell(2.5), cell("b")]], told=3)))
# 9: the quality of the whole is bad; 10: only the template within the template.
say("NDATA", boiler(metric("pressure", value=single(12, 1500.0)), alias=20, props=properties(Quality=0)))
say("NDATA", boiler(metric("burner", kind=TEMPLATE, value=template(
    metric("running", kind=BOOLEAN, value=number(14, 0)))), alias=20))
# 11: nested deeper than anybody reads.
deep = metric("x", kind=DOUBLE, value=double(13, 1.0))
for _ in range(12):
    deep = metric("x", kind=TEMPLATE, value=template(deep))
say("NDATA", boiler(deep, alias=20))
# 12: two columns of one name.
say("NDATA", metric("table", kind=DATASET, value=data_set(["temp", "temp"], [FLOAT, FLOAT], [[cell(1.0), cell(2.0)]])))
