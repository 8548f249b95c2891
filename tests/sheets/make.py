#!/usr/bin/env python3
"""Makes the sample spreadsheets of this folder, one for each family of devices.

They are shaped as integrators and vendors hand them out: titles above the list, joined cells, notes
below, Chinese headers, half-filled columns. Needs openpyxl, xlwt and odfpy; the files are committed,
so that the tests need none of them:  python3 tests/sheets/make.py
"""

import csv
import datetime
import pathlib
import zipfile

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font

HERE = pathlib.Path(__file__).parent
DAY = datetime.datetime(2025, 1, 1)


def save(book, name):
    """Without times, so that making them again gives the same bytes."""
    book.properties.created = book.properties.modified = DAY
    path = HERE / name
    book.save(path)
    with zipfile.ZipFile(path) as old:
        parts = [(n, old.read(n)) for n in sorted(old.namelist())]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part, data in parts:
            new.writestr(zipfile.ZipInfo(part, (2025, 1, 1, 0, 0, 0)), data)


def boiler_plc():
    """A: the point list of a boiler PLC, as the panel builder hands it over."""
    book = Workbook()
    cover = book.active
    cover.title = "封面"
    cover["B3"] = "10t/h 燃气蒸汽锅炉 通讯点表"
    cover["B5"] = "编制：自控部    版本：V1.3"
    s = book.create_sheet("点表")
    s["A1"] = "1#燃气锅炉 PLC（S7-200 SMART）Modbus 通讯点表"
    s.merge_cells("A1:L1")
    s["A1"].font = Font(bold=True, size=14)
    s["A1"].alignment = Alignment(horizontal="center")
    s["A2"] = "通讯参数：RS485  9600, 8, N, 1   站号 1   功能码 03"
    s.merge_cells("A2:L2")
    s.append([])
    s.append(["序号", "名称", "寄存器地址", "数据类型", "单位", "量程", None, "报警", None, None, None, "备注"])
    s.append([None, None, None, None, None, "下限", "上限", "低低报", "低报", "高报", "高高报", None])
    for joined in ["A4:A5", "B4:B5", "C4:C5", "D4:D5", "E4:E5", "F4:G4", "H4:K4", "L4:L5"]:
        s.merge_cells(joined)
    s.append(["一、模拟量"])
    s.merge_cells("A6:L6")
    rows = [
        (1, "蒸汽压力", "40001-40002", "REAL", "Mpa", 0, 2.5, 0.4, 0.6, 1.2, 1.25, None),
        (2, "锅筒水位", "40003～40004", "REAL", "mm", -150, 150, -75, -50, 50, 75, "正常水位为0"),
        (3, "给水流量", "40005-6", "浮点", "ｔ/ｈ", 0, 16, None, 2, None, None, "低字在前"),
        (4, "蒸汽流量", "40007-40008", "浮点", "t/h", 0, 16, None, None, 10.5, 11, "低字在前"),
        (5, "排烟温度", "40009-40010", "REAL", "°C", 0, 400, None, None, 170, 200, None),
        (6, "给水温度", "40011-40012", "REAL", "℃", 0, 150, None, None, None, None, None),
    ]
    for row in rows:
        s.append(row)
    s.append(["二、状态与报警"])
    s.merge_cells("A13:L13")
    bits = (
        "b0 极低水位, b1 高水位, b2 超压, b3 熄火, b4 燃气压力低, b5 燃气压力高, "
        "b6 风压低, b7 检漏失败, b8 给水泵A故障, b9 给水泵B故障, b10~b15 备用"
    )
    s.append([7, "报警字", 40021, "WORD", None, None, None, None, None, None, None, bits])
    states = "0:停炉 1:吹扫 2:点火 3:主火 4:运行 5:后吹扫 6:锁定"
    s.append([8, "燃烧器状态", 40022, "WORD", None, None, None, None, None, None, None, states])
    s.append([9, "燃烧器负荷", 40023, "WORD", "%", 0, 100, None, None, None, None, "0-1000对应0-100.0%，×0.1"])
    s.append([10, "心跳", 40024, "WORD", None, None, None, None, None, None, None, "每秒加1"])
    s.append([11, "运行时间", "40025-40026", "DWORD", "秒", None, None, None, None, None, None, None])
    s.append([12, "备用", "40027-40030", None, None])
    s.append([])
    s.append(["三、时钟"])
    for n, what in enumerate(["年", "月", "日", "时", "分", "秒"]):
        s.append([13 + n, f"PLC时钟{what}", 40031 + n, "INT"])
    s.append([])
    s.append(["注：1. 寄存器地址从40001开始；2. 上位机只读。"])
    save(book, "a-boiler-plc.xlsx")


def controller():
    """B: a temperature controller, the page of its manual typed in."""
    rows = [
        ["Register", "Name", "Data type", "Unit", "Decimals from", "Range", "H", "HH", "Sentinel", "Access", "Remark"],
        ["0x004A", "PV", "INT16", "°C", "Decimal point", "-200~1300", 110, 115, "32767/-2000", "R", "process value"],
        ["0x004B", "SV", "INT16", "°C", "Decimal point", "-200~1300", "", "", "", "R/W", "set point in use"],
        ["0x004C", "Output and alarm status", "UINT16", "", "", "", "", "", "", "R", ""],
        ["0x000C", "Decimal point", "UINT16", "", "", "0~3", "", "", "", "R", "dPt, set on the panel"],
    ]
    with open(HERE / "b-controller.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(rows)


def recorder():
    """C: a paperless recorder, GBK as Chinese Excel saves CSV, its channels generated."""
    rows = [["无纸记录仪 Modbus 地址表", "", "", "", "", "", ""], ["", "", "", "", "", "", ""]]
    rows.append(["通道", "寄存器地址", "功能码", "数据类型", "字节序", "无效值", "说明"])
    for k in range(1, 17):
        rows.append([f"通道{k}", f"{2 * (k - 1):04X}H", "04", "FLOAT", "CDAB", "30001/-30001/32766", ""])
    for k in range(1, 17):
        text = "0:正常 1:超上限 2:超下限 3:断线 4:关闭"
        rows.append([f"通道{k}状态", f"{0x0100 + k:04X}H", "04", "UINT16", "", "", text])
    rows.append(["注：工程单位在仪表面板上查看", "", "", "", "", "", ""])
    with open(HERE / "c-recorder.csv", "w", newline="", encoding="gbk") as f:
        csv.writer(f).writerows(rows)


def meter():
    """D: a three-phase power meter with function codes, hexadecimal addresses and ratios."""
    book = Workbook()
    s = book.active
    s.title = "DTSU666"
    s.append(["Function code", "Address (HEX)", "Symbol", "Description", "Data type", "Unit", "Scale", "乘以", "R/W"])
    rows = [
        ("03/06", "0006", "IrAt", "CT ratio", "UINT16", None, None, None, "R/W"),
        ("03/06", "0007", "UrAt", "PT ratio", "UINT16", None, "x0.1", None, "R/W"),
    ]
    voltages = [("2000", "Uab", "A-B line voltage"), ("2002", "Ubc", "B-C line voltage"), ("2004", "Uca", "C-A line voltage"),
                ("2006", "Ua", "Phase A voltage"), ("2008", "Ub", "Phase B voltage"), ("200A", "Uc", "Phase C voltage")]
    rows += [("03", a, s_, d, "FLOAT", "V", "x0.1", "PT ratio", "R") for a, s_, d in voltages]
    currents = [("200C", "Ia", "Phase A current"), ("200E", "Ib", "Phase B current"), ("2010", "Ic", "Phase C current")]
    rows += [("03", a, s_, d, "FLOAT", "A", "x0.001", "CT ratio", "R") for a, s_, d in currents]
    rows += [
        ("03", "2012", "Pt", "Total active power", "FLOAT", "W", "×0.1", "CT ratio, PT ratio", "R"),
        ("03", "202A", "PFt", "Total power factor", "FLOAT", None, "1/1000", None, "R"),
        ("03", "2044", "Freq", "Frequency", "FLOAT", "HZ", "0.01", None, "R"),
        ("03", "101E", "ImpEp", "Import active energy", "FLOAT", "KWh", None, "CT ratio, PT ratio", "R"),
        ("03", "1028", "ExpEp", "Export active energy", "FLOAT", "KWh", None, "CT ratio, PT ratio", "R"),
        ("10", "0000", "Reset", "Clear energy", "UINT16", None, None, None, "W"),
    ]
    for row in rows:
        s.append(row)
    save(book, "d-power-meter.xlsx")


def electrodes():
    """E: water level electrodes on a DI block; old .xls, one register of packed inputs below."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    s = book.add_sheet("DI点表")
    rows = [
        ["水位电极 开关量输入模块", None, None, None, None],
        ["点号", "信号名称", "Modbus地址", "触点类型", "备注"],
        ["DI1", "极低水位", 10001, "常闭", "断开=缺水，联锁停炉"],
        ["DI2", "低水位", 10002, "常闭", None],
        ["DI3", "高水位", 10003, "常开", None],
        ["DI4", "极高水位", 10004, "常开", None],
        ["DI5", "电源正常", 10005, "常开", "1=正常"],
        ["DI6", "故障", 10006, "常闭", None],
        ["DI7", "备用", 10007, None, None],
        ["DI8", "备用", 10008, None, None],
    ]
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if value is not None:
                s.write(r, c, value)
    s2 = book.add_sheet("16路模块")
    rows = [
        ["名称", "保持寄存器地址", "位", "常闭"],
        ["1#循环泵运行", 40001, 0, None],
        ["2#循环泵运行", None, 1, None],
        ["1#循环泵故障", None, 2, "是"],
        ["2#循环泵故障", None, 3, "是"],
    ]
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if value is not None:
                s2.write(r, c, value)
    book.save(str(HERE / "e-electrodes.xls"))


def module():
    """F: eight 4-20 mA inputs with raw ends, OpenDocument."""
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.table import Table, TableCell, TableRow
    from odf.text import P

    rows = [
        ["AI模块 8路模拟量输入 通道表"],
        ["通道", "名称", "寄存器地址", "数据类型", "信号类型", "原始下限", "原始上限", "量程下限", "量程上限", "单位", "断线值"],
        ["AI1", "除氧器水位", 30001, "UINT16", "4-20mA", 4000, 20000, 0, 100, "%", "32767"],
        ["AI2", "软水箱水位", 30002, "UINT16", "4-20mA", 4000, 20000, 0, 100, "%", "32767"],
        ["AI3", "给水压力", 30003, "UINT16", "4～20mA", 819, 4095, 0, 4, "MPa", None],
        ["AI4", "燃气压力", 30004, "UINT16", "4-20mA", 819, 4095, 0, 50, "KPa", None],
        ["AI5", "炉膛压力", 30005, "INT16", "4-20mA", 0, 10000, -500, 5000, "Pa", None],
        ["AI6", "给水泵电流", 30006, "UINT16", "0-20mA", 0, 65535, 0, 100, "A", None],
        ["AI7", "给水温度", 30007, "INT16", "PT100", -2000, 8500, -200, 850, "℃", "32767"],
        ["AI8", "备用", 30008, "UINT16", "4-20mA", 4000, 20000, None, None, None, None],
    ]
    book = OpenDocumentSpreadsheet()
    table = Table(name="AI通道")
    for row in rows:
        line = TableRow()
        for value in row:
            if value is None:
                cell = TableCell()
            elif isinstance(value, str):
                cell = TableCell(valuetype="string")
                cell.addElement(P(text=value))
            else:
                cell = TableCell(valuetype="float", value=str(value))
                cell.addElement(P(text=str(value)))
            line.addElement(cell)
        table.addElement(line)
    book.spreadsheet.addElement(table)
    book.save(str(HERE / "f-analogue-module.ods"))


def bad():
    """What goes wrong in real lists, one problem a row."""
    rows = [
        ["名称", "寄存器地址", "数据类型", "单位", "系数", "位", "量程", "低报", "高报"],
        ["蒸汽压力", "40O01", "REAL", "MPa", "", "", "0~2.5", "", ""],
        ["锅筒水位", "VD4", "REAL", "mm", "", "", "", "", ""],
        ["给水流量", "40005-40006", "UINT16", "t/h", "", "", "", "", ""],
        ["排烟温度", "40009", "温度", "℃", "", "", "", "", ""],
        ["给水温度", "40011", "INT16", "℃", "十分之一", "", "", "", ""],
        ["燃烧器运行", "40012", "BOOL", "", "", "16", "", "", ""],
        ["给水压力", "40013", "INT16", "MPa", "0.01", "", "2.5", "", ""],
        ["蒸汽流量", "40014", "INT16", "t/h", "1,250", "", "", "", ""],
        ["蒸汽温度", "", "INT16", "℃", "", "", "", "", ""],
        ["燃气压力", "40016", "INT16", "kPa", "0.1", "", "0~50", "30", "25"],
        ["炉膛压力", "40017", "INT16", "Pa", "", "", "", "", ""],
        ["炉膛温度", "40017", "INT16", "℃", "", "", "", "", ""],
    ]
    with open(HERE / "bad.csv", "w", newline="", encoding="utf-8-sig") as f:
        csv.writer(f).writerows(rows)


for make in [boiler_plc, controller, recorder, meter, electrodes, module, bad]:
    make()
