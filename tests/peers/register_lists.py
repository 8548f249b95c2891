"""Register lists as people write them, and the registers of the devices they are about.

    register_lists.py FOLDER FIRST COUNT

Writes COUNT lists into FOLDER, one for each seed from FIRST on, and FOLDER/plan.json: for each list its file, the stations
with what their registers hold (commands of modbus_server.py), and the value that each point has by the list's own words.
It knows nothing of how Steamward reads a list: a point has a value, a way to be stored and a way to be told.
"""
import csv
import io
import json
import pathlib
import random
import struct
import sys
import zipfile
from xml.sax.saxutils import escape

NAMES = {
    "zh": ["蒸汽压力", "锅筒水位", "给水流量", "蒸汽流量", "排烟温度", "给水温度", "炉膛压力", "燃气压力", "软水箱水位", "除氧器压力", "锅炉负荷", "引风机电流",
           "鼓风机频率", "累计流量", "总电能", "省煤器出口温度", "回水温度", "循环水压力"],
    "en": ["Steam pressure", "Drum level", "Feedwater flow", "Steam flow", "Stack temperature", "Feedwater temperature", "Furnace draft", "Gas pressure",
           "Tank level", "Deaerator pressure", "Boiler load", "Fan current", "Fan speed", "Total flow", "Energy", "Economizer outlet", "Return temperature"],
    "de": ["Dampfdruck", "Wasserstand", "Speisewassermenge", "Dampfmenge", "Abgastemperatur", "Speisewassertemperatur", "Feuerraumdruck", "Gasdruck",
           "Behälterstand", "Entgaserdruck", "Kesselleistung", "Gebläsestrom", "Drehzahl", "Zählerstand", "Wärmemenge", "Rücklauftemperatur"],
}
BITS = {
    "zh": ["熄火", "超压", "给水泵故障", "燃气泄漏", "风压低", "急停按下", "循环泵运行", "高水位信号"],
    "en": ["Flame lost", "Pressure switch", "Pump fault", "Gas leak", "Air pressure low", "Emergency stop", "Pump running"],
    "de": ["Flammenausfall", "Druckwächter", "Pumpenstörung", "Gasleck", "Luftmangel", "Not-Halt", "Pumpe läuft"],
}
UNITS = ["MPa", "℃", "t/h", "mm", "%", "kPa", "bar"]
HEADERS = {
    "zh": {"name": ["名称", "点名", "测点名称", "信号名称"], "address": ["寄存器地址", "地址", "Modbus地址"], "type": ["数据类型", "类型"], "unit": ["单位"],
           "scale": ["系数", "倍率", "比例"], "offset": ["偏移"], "order": ["字节序", "字序"], "remark": ["备注", "说明"], "function": ["功能码"], "bit": ["位"],
           "slave": ["站号", "从站地址", "从机地址", "设备地址", "通讯地址"], "contact": ["触点类型"], "low": ["量程下限"], "high": ["量程上限"]},
    "en": {"name": ["Name", "Point name", "Signal"], "address": ["Address", "Register"], "type": ["Data type", "Type"], "unit": ["Unit"],
           "scale": ["Scale", "Factor"], "offset": ["Offset"], "order": ["Byte order", "Word order"], "remark": ["Remarks", "Notes"], "function": ["FC"],
           "bit": ["Bit"], "slave": ["Slave ID", "Unit ID", "Node", "Device address"], "contact": ["Contact"], "low": ["Min"], "high": ["Max"]},
    "de": {"name": ["Bezeichnung"], "address": ["Register", "Adresse"], "type": ["Datentyp"], "unit": ["Einheit"], "scale": ["Faktor"], "offset": ["Offset"],
           "order": ["Wortreihenfolge"], "remark": ["Bemerkung"], "function": ["Funktionscode"], "bit": ["Bit"], "slave": ["Slave-Adresse", "Geräteadresse"],
           "contact": ["NC/NO"], "low": ["Minimum"], "high": ["Maximum"]},
}
TYPES = {
    "i16": ["INT16", "INT", "S16", "short", "有符号16位", "整型"],
    "u16": ["UINT16", "WORD", "U16", "无符号整型", "16位无符号"],
    "i32": ["INT32", "DINT", "long", "长整型"],
    "u32": ["UINT32", "DWORD", "UDINT", "双字"],
    "f32": ["FLOAT", "REAL", "FLOAT32", "单精度浮点", "浮点数"],
    "f64": ["DOUBLE", "LREAL", "双精度"],
}
ORDERS = {
    "abcd": {"cell": ["ABCD", "AB CD", "1234", "高字在前", "Big Endian"], "zh": ["32位数据高字在前（ABCD）", "字节序：ABCD"], "en": ["Byte order of all values: ABCD"],
             "de": ["High-Word zuerst"]},
    "cdab": {"cell": ["CDAB", "CD AB", "3412", "低字在前", "word swap"], "zh": ["32位数据低字在前（CDAB）", "双字数据低字在前，高字在后", "字序：低字在前"],
             "en": ["32-bit values are sent low word first", "Word order: CDAB", "LSW first"], "de": ["Low-Word zuerst", "Wortreihenfolge: CD AB"]},
    "badc": {"cell": ["BADC", "2143"], "zh": ["32位数据字节序为BADC"], "en": ["Byte order: BADC"], "de": ["Bytereihenfolge BADC"]},
    "dcba": {"cell": ["DCBA", "4321"], "zh": ["32位数据字节序DCBA"], "en": ["Byte order DCBA"], "de": ["Bytereihenfolge: DCBA"]},
}
SCALES = {
    "zh": {0.1: ["实际值=寄存器值/10", "读数除以10", "放大10倍", "分辨率0.1", "精确到0.1", "保留1位小数", "×0.1", "显示值=读数*0.1"],
           0.01: ["数据/100", "÷100", "放大100倍", "两位小数", "乘以0.01", "1000表示10.00"]},
    "en": {0.1: ["divide by 10", "x0.1", "value = raw / 10", "resolution 0.1", "1 decimal"], 0.01: ["scale 0.01", "divided by 100", "raw*0.01"]},
    "de": {0.1: ["Faktor 0,1", "geteilt durch 10", "Auflösung 0,1"], 0.01: ["Faktor 0,01", "2 Nachkommastellen"]},
}
SPARE = {"zh": ["备用", "预留", "备用3"], "en": ["Reserved", "spare"], "de": ["Reserve", "frei"]}


def words_of(kind, raw, order):
    """The registers that hold `raw`, as the device sends them."""
    form = {"i16": ">h", "u16": ">H", "i32": ">i", "u32": ">I", "f32": ">f", "f64": ">d"}[kind]
    data = struct.pack(form, raw)
    if len(data) > 2:
        pairs = [data[n : n + 2] for n in range(0, len(data), 2)]
        if order in ("cdab", "dcba"):
            pairs.reverse()
        if order in ("badc", "dcba"):
            pairs = [pair[::-1] for pair in pairs]
        data = b"".join(pairs)
    return list(struct.unpack(f">{len(data) // 2}H", data))


class List:
    """One list, with all its habits."""

    def __init__(self, seed, units):
        self.rng = rng = random.Random(seed)
        self.language = rng.choice(["zh", "zh", "zh", "en", "de"])
        self.order = rng.choice(["abcd", "cdab", "cdab", "badc", "dcba"])
        self.order_by = rng.choice(["column", "type", "remark", "title", "below", "cover"])
        if self.order_by == "type" and self.language == "de":
            self.order_by = "column"
        self.addresses = rng.choice(["modicon", "modicon6", "x", "plain", "hex", "one", "range"])
        self.scale_by = rng.choice(["column", "remark", "unit", "name", "mixed"])
        self.stations_by = rng.choice(["none", "none", "column", "titles"])
        self.bits_by = rng.choice(["rows", "dotted", "list", "inputs"])
        self.table = rng.choice(["holding", "holding", "input"]) if self.addresses in ("plain", "hex", "one") else "holding"
        self.units = units if self.stations_by != "none" else units[:1]
        self.form = rng.choice(["csv", "csv", "tsv", "semicolon", "xlsx"])
        if self.order_by == "cover":
            self.form = "xlsx"
        self.header = {key: rng.choice(words) for key, words in HEADERS[self.language].items()}
        if self.stations_by == "column" and self.header["slave"] == "通讯地址" and self.header["address"] == "地址":
            self.header["address"] = "寄存器地址"
        self.points = []
        self.rows = []
        self.names = {key: rng.sample(all_, len(all_)) for key, all_ in {"value": NAMES[self.language], "bit": BITS[self.language]}.items()}
        self.stations = {unit: {"unit": unit, "words": [], "expect": {}} for unit in self.units}

    def number(self, value):
        text = f"{value:.10f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.language == "de" and self.form == "semicolon" else text

    def address(self, first, registers):
        """The cell of a register counted from 0."""
        match self.addresses:
            case "modicon":
                return str(40001 + first)
            case "modicon6":
                return str(400001 + first)
            case "x":
                return f"4x{first + 1:04d}"
            case "plain":
                return str(first)
            case "hex":
                return self.rng.choice([f"0x{first:04X}", f"{first:04X}H"])
            case "one":
                return str(first + 1)
            case "range":
                if registers == 1:
                    return str(40001 + first)
                return self.rng.choice([f"{40001 + first}-{40000 + first + registers}", f"{40001 + first}~{40000 + first + registers}"])

    def value_row(self, unit, first):
        """A point, its row, and its registers; gives how many registers it takes."""
        rng = self.rng
        kind = rng.choice(["i16", "i16", "u16", "u16", "i32", "u32", "f32", "f32", "f64"])
        name = self.names["value"].pop()
        scale = 1 if kind[0] == "f" else rng.choice([1, 0.1, 0.01])
        offset = rng.choice([0, 0, 0, -40]) if self.scale_by == "column" else 0
        low, high = {"i16": (-3000, 3000), "u16": (0, 60000), "i32": (-200000, 200000), "u32": (70000, 4000000)}.get(kind, (0, 0))
        raw = rng.randint(low, high) if kind[0] != "f" else rng.choice([1, -1]) * rng.randint(1, 99999) / 64
        order = self.order
        registers = words_of(kind, raw, order)
        row = {"address": self.address(first, len(registers)), "unit": rng.choice(UNITS), "name": name, "remark": ""}
        row["type"] = rng.choice([t for t in TYPES[kind] if self.language == "zh" or t.isascii()])
        if self.addresses == "range" and len(registers) > 1 and row["type"] == "整型":
            row["type"] = "INT32"
        if len(registers) > 1:
            self.tell_order(row, order)
        if scale != 1:
            self.tell_scale(row, scale)
        elif self.scale_by == "column":
            row["scale"] = rng.choice(["1", ""])
        if offset:
            row["offset"] = self.number(offset)
        self.stations[unit]["words"].append(f"{self.table} {first} {' '.join(map(str, registers))}")
        self.stations[unit]["expect"][name] = raw * scale + offset
        return row, len(registers)

    def tell_order(self, row, order):
        words = ORDERS[order]
        fitting = [w for w in words["cell"] if self.language == "zh" or w.isascii()]
        if self.order_by == "column":
            row["order"] = self.rng.choice(fitting)
        elif self.order_by == "type":
            row["type"] = self.rng.choice([f"{row['type']}({order.upper()})", f"{row['type']} {order.upper()}"])
        elif self.order_by == "remark":
            row["remark"] = self.rng.choice(words[self.language])

    def tell_scale(self, row, scale):
        by = self.scale_by if self.scale_by != "mixed" else self.rng.choice(["column", "remark", "unit", "name"])
        text = self.number(scale)
        if by == "column":
            over = round(1 / scale)
            row["scale"] = self.rng.choice([text, f"×{text}" if self.language == "zh" else text, f"1/{over}", f"÷{over}"])
        elif by == "unit":
            row["unit"] = self.rng.choice([f"{text}{row['unit']}", f"{text} {row['unit']}", f"×{text}{row['unit']}"])
        elif by == "name":
            row["name"] = f"{row['name']}({text}{row['unit']})"
            row["unit"] = ""
        else:
            told = self.rng.choice(SCALES[self.language][scale])
            row["remark"] = f"{row['remark']}；{told}" if row["remark"] else told

    def bit_rows(self, unit, first):
        """A register of bits, or inputs of their own."""
        rng = self.rng
        count = rng.randint(2, 3)
        chosen = sorted(rng.sample(range(8), count))
        word = 0
        rows = []
        spare = rng.choice(SPARE[self.language])
        listed = []
        for n, bit in enumerate(chosen):
            name = self.names["bit"].pop()
            on, closed = rng.random() < 0.5, rng.random() < 0.4
            row = {"name": name, "remark": ""}
            if self.bits_by == "inputs":
                where = first + bit
                row["address"] = {"hex": f"0x{where:04X}", "plain": str(where), "one": str(where + 1)}.get(self.addresses, str(10001 + where))
                row["type"] = "BOOL"
                row["function"] = "02"
                self.stations[unit]["words"].append(f"discrete {where} {int(on)}")
            else:
                word |= int(on) << bit
                if self.bits_by == "dotted":
                    row["address"] = f"{self.address(first, 1)}.{bit}"
                else:
                    row["address"] = self.address(first, 1) if n == 0 else ""
                    row["bit"] = str(bit)
                row["type"] = "BOOL"
                listed.append(f"b{bit} {name}")
            if self.bits_by == "list":
                closed = False
            elif closed:
                row["contact"] = rng.choice(["NC", "常闭"] if self.language == "zh" else ["NC"])
            rows.append(row)
            if self.bits_by == "rows" and n + 1 < count and rng.random() < 0.6:
                rows.append({"name": spare, "address": "", "bit": str(bit + 1) if bit + 1 not in chosen else "15", "remark": ""})
            self.stations[unit]["expect"][name] = int(on != closed)
        if self.bits_by == "list":
            title = {"zh": "状态字", "en": "Status word", "de": "Statuswort"}[self.language]
            rows = [{"name": title, "address": self.address(first, 1), "type": "WORD" if self.language != "zh" else "无符号整型", "remark": ", ".join(listed)}]
        if self.bits_by != "inputs":
            self.stations[unit]["words"].append(f"{self.table} {first} {word}")
        return rows

    def make(self):
        rng = self.rng
        share = max(2, 6 // len(self.units))
        for at, unit in enumerate(self.units):
            if self.stations_by == "titles":
                words = {"zh": f"{'一二三'[at]}、设备{at + 1}（站号{unit}）", "en": f"Device {at + 1}: slave ID {unit}", "de": f"Gerät {at + 1}, Geräteadresse {unit}"}
                self.rows.append(words[self.language])
            first = rng.choice([0, 0, 10, 100]) if self.addresses != "one" else rng.choice([0, 9])
            for _ in range(share):
                row, registers = self.value_row(unit, first)
                row["slave"] = str(unit)
                self.rows.append(row)
                first += registers
                if rng.random() < 0.3:
                    self.rows.append({"name": rng.choice(SPARE[self.language]), "address": self.address(first, 1), "type": "", "slave": str(unit), "remark": ""})
                    first += 1
            if self.names["bit"] and len(self.names["bit"]) > 3:
                for row in self.bit_rows(unit, first + 1):
                    self.rows.append(row | {"slave": str(unit)})
            if rng.random() < 0.3 and self.stations_by != "column":
                self.rows.append("")

    def table_rows(self):
        """Rows of cells."""
        rng = self.rng
        keys = ["name", "address", "type", "unit", "remark"]
        used = {key for row in self.rows if isinstance(row, dict) for key, text in row.items() if text}
        keys[2:2] = [key for key in ("bit", "contact", "order", "scale", "offset") if key in used]
        if self.addresses in ("plain", "hex", "one") or "function" in used:
            keys.insert(1, "function")
        if self.stations_by == "column":
            keys.insert(0, "slave")
        if self.addresses == "one":
            self.header["address"] += {"zh": "(从1开始)", "en": " (1-based)", "de": " (1-based)"}[self.language]
        function = {"holding": "03", "input": "04"}[self.table]
        rows = []
        if rng.random() < 0.7:
            rows.append([{"zh": "某锅炉通讯点表 V1.2", "en": "Boiler register list", "de": "Registerliste Kessel"}[self.language]])
            rows.append([])
        told = rng.choice(ORDERS[self.order][self.language])
        if self.order_by == "title":
            rows.append([told])
        rows.append([self.header[key] for key in keys])
        last = None
        for row in self.rows:
            if isinstance(row, str):
                rows.append([row] if row else [])
                continue
            cells = dict(row)
            if "function" in keys and not cells.get("function"):
                cells["function"] = function
            # Joined cells, saved as text: the number stands in the first row only.
            if self.stations_by == "column" and last == cells.get("slave") and rng.random() < 0.5:
                cells["slave"] = ""
            last = row.get("slave")
            rows.append([cells.get(key, "") or "" for key in keys])
        if self.order_by == "below":
            rows.append([])
            rows.append([{"zh": "注：", "en": "Note: ", "de": "Hinweis: "}[self.language] + told])
        self.cover = [["封面" if self.language == "zh" else "Cover"], [], ["", told]] if self.order_by == "cover" else None
        return rows

    def write(self, folder, name):
        rows = self.table_rows()
        if self.form == "xlsx":
            sheets = ([("Cover", self.cover)] if self.cover else []) + [("List", rows)]
            (folder / f"{name}.xlsx").write_bytes(workbook(sheets, self.rng))
            return f"{name}.xlsx"
        delimiter = {"csv": ",", "tsv": "\t", "semicolon": ";"}[self.form]
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator=self.rng.choice(["\n", "\r\n"])).writerows(rows)
        encoding = {"zh": self.rng.choice(["utf-8-sig", "utf-8", "gb18030", "utf-16"]), "en": "utf-8", "de": self.rng.choice(["cp1252", "utf-8-sig"])}[self.language]
        file = f"{name}.{'tsv' if self.form == 'tsv' else 'csv'}"
        try:
            data = text.getvalue().encode(encoding)
        except UnicodeEncodeError:
            data = text.getvalue().encode("utf-8-sig")
        (folder / file).write_bytes(data)
        return file


def workbook(sheets, rng):
    """A workbook of texts and numbers, written by hand: no spreadsheet program is needed."""
    out = io.BytesIO()
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        parts = "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>' for n in range(1, len(sheets) + 1))
        z.writestr("[Content_Types].xml", f'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{parts}</Types>')
        z.writestr("_rels/.rels", f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        tabs = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, (name, _) in enumerate(sheets, 1))
        z.writestr("xl/workbook.xml", f'<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{rel}"><sheets>{tabs}</sheets></workbook>')
        links = "".join(f'<Relationship Id="r{n}" Type="{rel}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in range(1, len(sheets) + 1))
        z.writestr("xl/_rels/workbook.xml.rels", f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}</Relationships>')
        for n, (_, rows) in enumerate(sheets, 1):
            lines = []
            for r, row in enumerate(rows, 1):
                cells = []
                for c, text in enumerate(row):
                    place = f"{chr(65 + c)}{r}"
                    # Typed numbers are numbers, but not `01`, and not a number with a bit behind it.
                    if text.isdigit() and not text.startswith("0") and rng.random() < 0.7:
                        cells.append(f'<c r="{place}"><v>{text}</v></c>')
                    elif text:
                        cells.append(f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>')
                lines.append(f'<row r="{r}">{"".join(cells)}</row>')
            z.writestr(f"xl/worksheets/sheet{n}.xml", f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>')
    return out.getvalue()


def main():
    folder, first, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    plan = []
    for seed in range(first, first + count):
        at = (seed - first) * 3 + 1
        one = List(seed, [at, at + 1, at + 2][: random.Random(seed).choice([1, 2, 3])])
        one.make()
        file = one.write(folder, f"list{seed}")
        habits = {key: getattr(one, key) for key in ("language", "order", "order_by", "addresses", "scale_by", "stations_by", "bits_by", "table", "form")}
        plan.append({"seed": seed, "file": file, "habits": habits, "told": one.stations_by != "none", "stations": list(one.stations.values())})
    (folder / "plan.json").write_text(json.dumps(plan, ensure_ascii=False, indent=1), encoding="utf-8")


main()
