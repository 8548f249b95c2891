//! From the spreadsheet an integrator has to readings, for each family of devices, with one import and
//! nothing typed by hand: what the gateway shows is what an independent server holds.

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

/// What a point must show.
#[derive(Debug, Clone, Copy)]
enum Shows {
    Good(f64),
    /// A value under a cause.
    Doubted(f64, &'static str),
    Bad(&'static str),
}

use Shows::{Bad, Doubted, Good};

/// One device of one unit, read by the profile that an import of its sheet made.
struct Bench {
    server: ModbusServer,
    gateway: Gateway,
}

impl Bench {
    /// One of the sample sheets; `words` are what the integrator adds to `profile import SHEET --out … --yes`.
    fn new(sheet: &str, words: &[&str], registers: &[String]) -> Self {
        Self::of(&format!("{}/tests/sheets/{sheet}", env!("CARGO_MANIFEST_DIR")), words, registers)
    }

    fn of(sheet: &str, words: &[&str], registers: &[String]) -> Self {
        // Power meters keep theirs beyond 0x2000.
        let mut server = ModbusServer::start_with(&["--registers", "8448"]);
        registers.iter().for_each(|r| server.tell(r));
        let source = format!(
            "[[source.modbus]]\nid = \"line\"\naddress = \"tcp://127.0.0.1:{}\"\nperiod = \"100ms\"\ntimeout = \"90ms\"\n[[equipment]]\nid = \"e\"\nkind = \"test\"\nprofile = \"imported\"\nsource = \"line\"\nunit = 1\n",
            server.port
        );
        let mut gateway = Gateway::prepared(&(plants::base() + &source), &[]);
        let import = ["profile", "import", sheet, "--out", "profiles/imported.toml", "--yes"];
        let (code, said) = gateway.tool(&[&import, words].concat());
        assert_eq!(code, 0, "{said}");
        gateway.again();
        Self { server, gateway }
    }

    /// Every point of the device shows what is wanted; none is left out.
    async fn shows(&self, wanted: &[(&str, Shows)]) {
        eventually("every point shows what its registers hold", async || {
            let points = self.gateway.get("/api/v1/equipment/e/points").await;
            let points = points.as_array().cloned().unwrap_or_default();
            let mut wrong = Vec::new();
            for (id, shows) in wanted {
                let Some(point) = points.iter().find(|p| p["id"] == *id) else {
                    wrong.push(format!("there is no {id}"));
                    continue;
                };
                let near = |v: f64| {
                    point["value"].as_f64().is_some_and(|is| (is - v).abs() < 1e-5 * v.abs().max(1.0))
                };
                let right = match *shows {
                    Good(value) => point["quality"] == "good" && near(value),
                    Doubted(value, cause) => {
                        point["quality"] == "uncertain" && point["cause"] == cause && near(value)
                    }
                    Bad(cause) => point["quality"] == "bad" && point["cause"] == cause,
                };
                if !right {
                    wrong.push(format!("{id} shall be {shows:?}: {point}"));
                }
            }
            if points.len() != wanted.len() {
                wrong.push(format!("{} points, {} looked at", points.len(), wanted.len()));
            }
            unless(wrong.is_empty(), wrong)
        })
        .await;
    }

    async fn label(&self, id: &str) -> String {
        let points = self.gateway.get("/api/v1/equipment/e/points").await;
        let point = points.as_array().into_iter().flatten().find(|p| p["id"] == id);
        point.and_then(|p| p["label"]["zh"].as_str()).unwrap_or_default().to_owned()
    }
}

/// `holding ADDRESS` and a single in two registers, high word first or last.
fn single(table: &str, address: u16, value: f32, low_first: bool) -> String {
    let bits = value.to_bits();
    let (high, low) = (bits >> 16, bits & 0xFFFF);
    if low_first {
        format!("{table} {address} {low} {high}")
    } else {
        format!("{table} {address} {high} {low}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_the_point_list_of_a_boiler_plc() {
    let registers = [
        // 1.25 as the manuals write it, high word first: 3FA0 0000.
        "holding 0 16288 0".to_owned(),
        single("holding", 2, -30.5, false),
        // Moved by word in the PLC: low word first, 0000 4140 = 12.
        "holding 4 0 16704".to_owned(),
        single("holding", 6, 9.75, true),
        single("holding", 8, 168.5, false),
        single("holding", 10, 104.25, false),
        // Bits 0, 3 and 9; state 4; 75.3 %; heartbeat; 100 000 s.
        "holding 20 521 4 753 65535 1 34464".to_owned(),
        "holding 30 2026 11 25 23 59 58".to_owned(),
    ];
    let mut bench = Bench::new("a-boiler-plc.xlsx", &["--kind", "steam-boiler"], &registers);
    let mut wanted = vec![
        ("steam_pressure", Good(1.25)),
        ("drum_level", Good(-30.5)),
        ("feedwater_flow", Good(12.0)),
        ("steam_flow", Good(9.75)),
        ("stack_temp", Good(168.5)),
        ("feedwater_temp", Good(104.25)),
        ("lwco_electrode", Good(1.0)),
        ("high_level_electrode", Good(0.0)),
        ("steam_pressure_high", Good(0.0)),
        ("flame_fail", Good(1.0)),
        ("gas_pressure_low", Good(0.0)),
        ("gas_pressure_high", Good(0.0)),
        ("air_pressure_low", Good(0.0)),
        ("valve_leak_test_fail", Good(0.0)),
        ("feed_pump_a_fault", Good(0.0)),
        ("feed_pump_b_fault", Good(1.0)),
        ("burner_state", Good(4.0)),
        ("burner_load", Good(75.3)),
        ("heartbeat", Good(65535.0)),
        ("run_seconds", Good(100_000.0)),
        ("plc_clock_year", Good(2026.0)),
        ("plc_clock_month", Good(11.0)),
        ("plc_clock_day", Good(25.0)),
        ("plc_clock_hour", Good(23.0)),
        ("plc_clock_minute", Good(59.0)),
        ("plc_clock_second", Good(58.0)),
    ];
    bench.shows(&wanted).await;
    assert_eq!(bench.label("burner_state").await, "运行");
    // The sheet's limits came along: low-low water is an alarm.
    bench.server.tell(&single("holding", 2, -80.0, false));
    wanted[1].1 = Good(-80.0);
    bench.shows(&wanted).await;
    eventually("the low-low level alarm stands", async || {
        let alarms = bench.gateway.get("/api/v1/alarms").await;
        let stands = alarms.as_array().into_iter().flatten().any(|a| a["rule"] == "e/drum_level.ll");
        unless(stands, alarms)
    })
    .await;
    bench.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b_a_temperature_controller_with_its_decimals_in_a_register() {
    let registers = ["holding 74 1085 1100 3".to_owned(), "holding 12 1".to_owned()];
    let mut bench = Bench::new("b-controller.csv", &["--table", "holding"], &registers);
    let shown = |pv, sv, decimals| {
        [("pv", pv), ("sv", sv), ("output_and_alarm_status", Good(3.0)), ("decimal_point", Good(decimals))]
    };
    bench.shows(&shown(Good(108.5), Good(110.0), 1.0)).await;
    // Somebody changes it on the panel.
    bench.server.tell("holding 12 0");
    bench.shows(&shown(Good(1085.0), Good(1100.0), 0.0)).await;
    // The sensor breaks, in both ways these controllers tell it; −1.0 is none of them.
    bench.server.tell("holding 12 1");
    for broken in [32767, 65536 - 2000] {
        bench.server.tell(&format!("holding 74 {broken}"));
        bench.shows(&shown(Bad("sentinel"), Good(110.0), 1.0)).await;
    }
    bench.server.tell(&format!("holding 74 {}", 65536 - 10));
    bench.shows(&shown(Good(-1.0), Good(110.0), 1.0)).await;
    bench.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_a_recorder_of_sixteen_channels_with_low_word_first() {
    let value = |channel: u16| f32::from(channel) * 10.5;
    let mut registers: Vec<String> = (1..=16).map(|k| single("input", 2 * (k - 1), value(k), true)).collect();
    registers.push(single("input", 4, 30001.0, true));
    registers.push(single("input", 6, -30001.0, true));
    registers.push("input 257 0 1 3 3 2 4".to_owned());
    let mut bench = Bench::new("c-recorder.csv", &[], &registers);
    let ids: Vec<(String, String)> =
        (1..=16).map(|k| (format!("channel_{k}"), format!("channel_{k}_status"))).collect();
    let status = [0.0, 1.0, 3.0, 3.0, 2.0, 4.0];
    let mut wanted = Vec::new();
    for (n, (channel, state)) in ids.iter().enumerate() {
        let shows = if n == 2 || n == 3 { Bad("sentinel") } else { Good(f64::from(value(n as u16 + 1))) };
        wanted.push((channel.as_str(), shows));
        wanted.push((state.as_str(), Good(status.get(n).copied().unwrap_or(0.0))));
    }
    bench.shows(&wanted).await;
    assert_eq!(bench.label("channel_3_status").await, "断线");
    bench.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d_a_power_meter_with_ratios_in_registers() {
    let mut registers = vec!["holding 6 40 10".to_owned()];
    let block: [(u16, f32); 14] = [
        (0x2000, 3984.5),
        (0x2002, 3990.0),
        (0x2004, 3987.5),
        (0x2006, 2301.5),
        (0x2008, 2302.5),
        (0x200A, 2300.0),
        (0x200C, 2500.0),
        (0x200E, 2600.0),
        (0x2010, 2400.0),
        // Negative is export.
        (0x2012, -15000.0),
        (0x202A, 985.0),
        (0x2044, 4998.0),
        (0x101E, 1234.5),
        (0x1028, 0.5),
    ];
    registers.extend(block.iter().map(|(address, value)| single("holding", *address, *value, false)));
    let mut bench = Bench::new("d-power-meter.xlsx", &["--kind", "power-meter"], &registers);
    let mut wanted = [
        ("ct_ratio", Good(40.0)),
        ("pt_ratio", Good(1.0)),
        ("a_b_line_voltage", Good(398.45)),
        ("b_c_line_voltage", Good(399.0)),
        ("c_a_line_voltage", Good(398.75)),
        ("phase_a_voltage", Good(230.15)),
        ("phase_b_voltage", Good(230.25)),
        ("phase_c_voltage", Good(230.0)),
        ("phase_a_current", Good(100.0)),
        ("phase_b_current", Good(104.0)),
        ("phase_c_current", Good(96.0)),
        ("total_active_power", Good(-60000.0)),
        ("total_power_factor", Good(0.985)),
        ("frequency", Good(49.98)),
        ("import_active_energy", Good(49380.0)),
        ("export_active_energy", Good(20.0)),
    ];
    bench.shows(&wanted).await;
    // Behind a voltage transformer of 10:0.1 kV.
    bench.server.tell("holding 7 1000");
    for (id, shows) in &mut wanted {
        if let Good(value) = shows {
            let times = id.ends_with("_voltage") || id.ends_with("_power") || id.ends_with("_energy");
            *value *= if times || *id == "pt_ratio" { 100.0 } else { 1.0 };
        }
    }
    bench.shows(&wanted).await;
    bench.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_electrodes_that_are_closed_when_all_is_well() {
    // Closed: low-low, low and fault are healthy at 1; packed pump bits: 1 runs, both healthy.
    let registers = ["discrete 0 1 0 0 1 1 1".to_owned(), "holding 0 13".to_owned()];
    let mut bench = Bench::new("e-electrodes.xls", &[], &registers);
    let mut wanted = [
        ("lwco_electrode", Good(0.0)),
        ("low_level_electrode", Good(1.0)),
        ("high_level_electrode", Good(0.0)),
        ("extreme_high_level_electrode", Good(1.0)),
        ("power_ok", Good(1.0)),
        ("fault", Good(0.0)),
        ("circ_pump_1_run", Good(1.0)),
        ("circ_pump_2_run", Good(0.0)),
        ("circ_pump_a_fault", Good(0.0)),
        ("circ_pump_b_fault", Good(0.0)),
    ];
    bench.shows(&wanted).await;
    // A broken wire reads open, which is the alarm.
    bench.server.tell("discrete 0 0 0 0 0 0 0");
    for (at, value) in [(0, 1.0), (3, 0.0), (4, 0.0), (5, 1.0)] {
        wanted[at].1 = Good(value);
    }
    bench.shows(&wanted).await;
    bench.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_an_analogue_module_with_every_kind_of_raw_value() {
    // µA; µA; 0–4095 over 0–20 mA, twice; 0–10000 over 4–20 mA; 0–65535 over 0–20 mA; a Pt100 in tenths.
    let registers = ["input 0 12000 4000 2457 819 5000 32768 1234".to_owned()];
    let mut bench = Bench::new("f-analogue-module.ods", &[], &registers);
    let mut wanted = [
        ("deaerator_level", Good(50.0)),
        ("softener_level", Good(0.0)),
        ("feedwater_pressure", Good(2.0)),
        ("gas_pressure", Good(0.0)),
        ("furnace_pressure", Good(2250.0)),
        ("feed_pump_current", Good(32768.0 / 655.35)),
        ("feedwater_temp", Good(123.4)),
    ];
    bench.shows(&wanted).await;
    // A broken loop: 0 mA is no level of −25 %, it is a fault once it has lasted; 3.7 mA is saturated;
    // 20.4 mA measures; the module's own mark for a broken Pt100.
    bench.server.tell("input 0 0 3700 4178 168 10250 0 32767");
    wanted[0].1 = Bad("loop-fault");
    wanted[1].1 = Doubted(-1.875, "loop-saturated");
    wanted[2].1 = Good((4178.0 - 819.0) / (4095.0 - 819.0) * 4.0);
    wanted[3].1 = Bad("loop-fault");
    wanted[4].1 = Good(5137.5);
    wanted[5].1 = Good(0.0);
    wanted[6].1 = Bad("sentinel");
    bench.shows(&wanted).await;
    bench.gateway.stop().await;
}

/// What manuals of other makes have beside the samples: raw scales of three Siemens families and a module,
/// counters and signed power with the low word first, a float in each order.
const OTHER_MAKES: &str = "\
变量名,寄存器地址,数据类型,字节序,单位,系数,信号类型,原始下限,原始上限,量程下限,量程上限,断线值
smart,40001,INT16,,MPa,,4-20mA,5530,27648,0,2.5,
s1200,40002,INT16,,MPa,,4-20mA,0,27648,0,2.5,
s200,40003,INT16,,MPa,,4-20mA,6400,32000,0,2.5,32767/-32768
module,40004,UINT16,,%,,4-20mA,0,4095,0,100,
energy,40011-40012,UINT32,低字在前,kWh,0.01,,,,,,
power,40013-40014,INT32,CDAB,W,0.1,,,,,,
abcd,40021,REAL,ABCD,,,,,,,,
cdab,40023,REAL,CDAB,,,,,,,,
badc,40025,REAL,BADC,,,,,,,,
dcba,40027,REAL,DCBA,,,,,,,,
";

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_numbers_of_other_makes_come_out_of_a_plain_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let sheet = folder.path().join("list.csv");
    std::fs::write(&sheet, OTHER_MAKES).expect("a file");
    let registers = [
        "holding 0 5530 0 6400 0".to_owned(),
        // 99 999 999 hundredths, the last before it wraps; −12 345 tenths: export.
        "holding 10 57599 1525 53191 65535".to_owned(),
        "holding 20 16288 0 0 16288 41023 0 0 41023".to_owned(),
    ];
    let mut bench = Bench::of(&sheet.to_string_lossy(), &[], &registers);
    let mut wanted = [
        ("smart", Good(0.0)),
        ("s1200", Good(0.0)),
        ("s200", Good(0.0)),
        ("module", Good(0.0)),
        ("energy", Good(999_999.99)),
        ("power", Good(-1234.5)),
        ("abcd", Good(1.25)),
        ("cdab", Good(1.25)),
        ("badc", Good(1.25)),
        ("dcba", Good(1.25)),
    ];
    bench.shows(&wanted).await;
    let fault = Bad("loop-fault");
    for (raw, shown) in [
        ("16589 13824 19200 2457", [Good(1.25), Good(1.25), Good(1.25), Good(60.0)]),
        ("27648 27648 32000 4095", [Good(2.5), Good(2.5), Good(2.5), Good(100.0)]),
        // 3.6 mA; overflow, which is how a broken wire reads. That of the old S7-200 is but 20.5 mA on its
        // scale, so its list has to name it. Twelve bits over 4 to 20 mA have no room for a fault.
        ("4976 32767 32767 0", [fault, fault, Bad("sentinel"), Good(0.0)]),
        // Underflow.
        ("32768 32768 32768 0", [fault, fault, Bad("sentinel"), Good(0.0)]),
    ] {
        bench.server.tell(&format!("holding 0 {raw}"));
        for (point, shows) in wanted.iter_mut().zip(shown) {
            point.1 = shows;
        }
        bench.shows(&wanted).await;
    }
    bench.gateway.stop().await;
}
