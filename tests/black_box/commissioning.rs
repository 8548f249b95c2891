//! `steamward probe modbus`, `read` and `orders` at real servers, and the frame trace of a running gateway:
//! what an integrator is told is so.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::{Gateway, ModbusServer, Process, eventually, unless};
use crate::plants;

/// Exit code, standard output, standard error.
async fn probe(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steamward"));
    command.arg("probe").args(arguments);
    let run =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (run.status.code().unwrap_or(-1), text(run.stdout), text(run.stderr))
}

async fn report(arguments: &[&str]) -> Value {
    let (code, out, err) = probe(arguments).await;
    assert_eq!(code, 0, "{out}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
}

fn table<'a>(unit: &'a Value, name: &str) -> &'a Value {
    let tables = unit["tables"].as_array().expect("a list");
    tables.iter().find(|t| t["table"] == name).expect("a known table")
}

fn spans(table: &Value) -> Vec<(u64, u64)> {
    let ranges = table["ranges"].as_array().expect("a list");
    ranges.iter().map(|r| (r["from"].as_u64().unwrap_or(0), r["to"].as_u64().unwrap_or(0))).collect()
}

/// A Modbus TCP device with small habits: 16 registers a request, three areas of holding registers, two of
/// which touch; no input registers; and one connection at a time.
struct Narrow {
    port: u16,
}

const NARROW_AREAS: [(u32, u32); 3] = [(0, 40), (40, 60), (100, 104)];
const NARROW_MOST: u32 = 16;
/// This unit of it says nothing when it is asked for holding registers.
const DEAF_TO_HOLDING: u8 = 9;

impl Narrow {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            let mut serving: Option<tokio::task::JoinHandle<()>> = None;
            while let Ok((stream, _)) = listener.accept().await {
                if serving.as_ref().is_none_or(tokio::task::JoinHandle::is_finished) {
                    serving = Some(tokio::spawn(async move {
                        // The other side going away is how it ends.
                        let _ = Self::serve(stream).await;
                    }));
                }
            }
        });
        Self { port }
    }

    async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let mut head = [0u8; 7];
            stream.read_exact(&mut head).await?;
            let mut pdu = vec![0u8; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
            stream.read_exact(&mut pdu).await?;
            let from = u32::from(u16::from_be_bytes([pdu[1], pdu[2]]));
            let count = u32::from(u16::from_be_bytes([pdu[3], *pdu.get(4).unwrap_or(&0)]));
            if head[6] == DEAF_TO_HOLDING && pdu[0] == 3 {
                continue;
            }
            let inside = NARROW_AREAS.iter().any(|a| a.0 <= from && from + count <= a.1);
            let answer = match pdu[0] {
                3 if count > NARROW_MOST => vec![0x83, 3],
                3 if inside => {
                    let values = (from..from + count).flat_map(|a| (a as u16).to_be_bytes());
                    [vec![3, (count * 2) as u8], values.collect()].concat()
                }
                3 => vec![0x83, 2],
                other => vec![other | 0x80, 1],
            };
            let mut frame = head.to_vec();
            frame[4..6].copy_from_slice(&(answer.len() as u16 + 1).to_be_bytes());
            frame.extend(answer);
            stream.write_all(&frame).await?;
        }
    }
}

/// The proposal with one point more is settings that `check` takes.
fn proposal_checks(report: &Value) {
    let text = |key: &str| report["proposal"][key].as_str().expect("a text").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("profiles")).expect("a folder");
    std::fs::write(folder.path().join("steamward.toml"), plants::base() + &text("source")).expect("a file");
    let profile = format!("kind = \"boiler\"\n{}[[point]]\nid = \"p\"\naddress = 40001\n", text("profile"));
    std::fs::write(folder.path().join("profiles/device.toml"), profile).expect("a file");
    let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .args(["check", "."])
        .current_dir(folder.path())
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("0 warnings"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_units_ranges_and_identity_of_an_endpoint_are_found_and_its_proposal_passes_the_check() {
    let mut server = ModbusServer::start_with(&["--units", "1,2,17", "--identity"]);
    server.tell("holding 3 17 unit=2");
    // Enough values that two units have in common by more than chance.
    for register in 100..110 {
        server.tell(&format!("holding {register} {register} unit=1"));
        server.tell(&format!("holding {register} {register} unit=17"));
    }
    let address = format!("127.0.0.1:{}", server.port);
    let found = report(&["modbus", &address, "--unit", "1-3,17", "--json"]).await;
    let units = found["units"].as_array().expect("a list");
    assert_eq!(units.iter().map(|u| u["unit"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(17)]);
    assert_eq!((&found["absent"], &found["silent"]), (&json!([3]), &json!([])));
    // The second has other values, the third has the first one's.
    assert_eq!((&units[1]["like"], &units[2]["like"]), (&Value::Null, &json!(1)));
    for (name, modicon) in [
        ("holding", "40001..41000"),
        ("input", "30001..31000"),
        ("coil", "00001..01000"),
        ("discrete", "10001..11000"),
    ] {
        let table = table(&units[1], name);
        assert_eq!((spans(table), &table["limit"]), (vec![(0, 999)], &Value::Null), "{table}");
        assert_eq!(table["ranges"][0]["modicon"], modicon);
    }
    assert_eq!(table(&units[0], "holding")["largest"], 125);
    let texts: Vec<&Value> =
        units[0]["identification"].as_array().expect("a list").iter().map(|o| &o["text"]).collect();
    assert_eq!(texts, ["Steamward Test Works", "PB-17", "2.4.1", "Practice boiler"]);
    assert_eq!(units[0]["pace"]["pause_ms"], 0, "{}", units[0]["pace"]);
    assert!(found["requests"].as_u64() < Some(3000), "{}", found["requests"]);
    proposal_checks(&found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_largest_request_and_areas_that_touch_are_told_from_holes() {
    let device = Narrow::start().await;
    let address = format!("tcp://127.0.0.1:{}", device.port);
    let found = report(&["modbus", &address, "--unit", "1", "--json"]).await;
    let unit = &found["units"][0];
    let holding = table(unit, "holding");
    assert_eq!(spans(holding), [(0, 39), (40, 59), (100, 103)]);
    assert_eq!((&holding["limit"], &holding["complete"]), (&json!(NARROW_MOST), &json!(true)));
    assert_eq!(table(unit, "input")["state"], "unsupported");
    assert!(found["requests"].as_u64() < Some(600), "{}", found["requests"]);
    let profile = found["proposal"]["profile"].as_str().expect("a text");
    assert!(profile.contains("max_registers = 16"), "{profile}");
    proposal_checks(&found);
    let deep = report(&["modbus", &address, "--unit", "1", "--table", "holding", "--deep", "--json"]).await;
    assert_eq!(spans(table(&deep["units"][0], "holding")), [(0, 39), (40, 59), (100, 103)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_says_nothing_to_the_usual_question_is_found_by_another() {
    let device = Narrow::start().await;
    let address = format!("tcp://127.0.0.1:{}", device.port);
    let found = report(&["modbus", &address, "--unit", "9", "--timeout", "250ms", "--json"]).await;
    let unit = &found["units"][0];
    assert_eq!((&unit["unit"], &found["silent"]), (&json!(9), &json!([])));
    assert_eq!(table(unit, "holding")["state"], "silent");
    assert_eq!(
        (table(unit, "input")["state"].as_str(), &found["proposal"]),
        (Some("unsupported"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_busy_with_another_connection_is_told_from_one_that_is_not_there() {
    let device = Narrow::start().await;
    let address = format!("127.0.0.1:{}", device.port);
    let _panel = TcpStream::connect(&address).await.expect("the first connection");
    eventually("the device serves the panel", async || {
        let (code, out, err) = probe(&["read", &address, "--at", "40001", "--timeout", "200ms"]).await;
        unless(code == 1 && out.contains("one connection only"), (code, out, err))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_requests_in_flight_are_tried_where_a_server_answers_them_all() {
    // libmodbus: another independent server, which takes its requests one by one off the stream.
    let server = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/server");
    let mut child = Command::new(server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("libmodbus: run tests/tools.sh");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let _server = Process(child);
    let address = format!("127.0.0.1:{}", line.trim().rsplit(' ').next().expect("listening PORT"));
    let found = report(&["modbus", &address, "--unit", "1", "--table", "holding", "--json"]).await;
    assert_eq!(found["units"][0]["pipelining"]["most"], 16, "{}", found["units"][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_value_is_read_with_its_frames_by_address_and_as_a_configured_point() {
    let mut server = ModbusServer::start();
    server.tell("holding 2 0 16288");
    server.set_float(10, -12.5);
    let address = format!("127.0.0.1:{}", server.port);
    let place =
        ["read", &address, "--at", "40003", "--type", "f32", "--order", "cdab", "--scale", "2", "--json"];
    let read = report(&place).await;
    assert_eq!(
        (&read["registers"], &read["raw"], &read["value"]),
        (&json!("0000 3FA0"), &json!(1.25), &json!(2.5))
    );
    assert_eq!((&read["quality"], &read["unit"], &read["address"]), (&json!("good"), &json!(1), &json!(2)));
    let frames = read["frames"].as_array().expect("a list");
    assert_eq!(frames.iter().map(|f| f["sent"].as_bool()).collect::<Vec<_>>(), [Some(true), Some(false)]);
    assert!(frames[0]["hex"].as_str().is_some_and(|h| h.ends_with("01 03 00 02 00 02")), "{read}");
    assert!(frames[1]["hex"].as_str().is_some_and(|h| h.ends_with("01 03 04 00 00 3F A0")), "{read}");

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("profiles")).expect("a folder");
    let settings = plants::base() + &plants::boiler(server.port);
    std::fs::write(folder.path().join("steamward.toml"), settings).expect("a file");
    let profile = "kind = \"boiler\"\n[[point]]\nid = \"level\"\nunit = \"mm\"\naddress = 40011\ntype = \"f32\"\n\
                   times = [\"ratio\"]\nrange = [-150, 150]\n[[point]]\nid = \"ratio\"\naddress = 40021\n";
    std::fs::write(folder.path().join("profiles/boiler.toml"), profile).expect("a file");
    let dir = folder.path().to_string_lossy().into_owned();
    server.tell("holding 20 10");
    let read = report(&["read", &dir, "boiler-1/level", "--json"]).await;
    assert_eq!(
        (&read["raw"], &read["value"], &read["value_unit"]),
        (&json!(-12.5), &json!(-125.0), &json!("mm"))
    );
    server.tell("holding 20 100");
    let (code, out, _) = probe(&["read", &dir, "boiler-1/level", "--json"]).await;
    let read: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &read["quality"], &read["cause"]), (1, &json!("bad"), &json!("out-of-range")));
    let (code, _, err) = probe(&["read", &dir, "boiler-1/levl"]).await;
    assert!(code == 2 && err.contains("known: level, ratio"), "{err}");
    let (code, _, err) = probe(&["read", &address, "--at", "40003", "--type", "f33"]).await;
    assert!(code == 2 && err.contains("--type") && err.contains("did you mean `f32`?"), "{err}");
    let (code, out, _) = probe(&["read", &address, "--table", "holding", "--at", "40003"]).await;
    assert!(code == 1 && out.contains("exception 02") && out.contains("Leave --table out"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_byte_order_of_a_moving_value_is_found_and_a_zero_is_called_undecidable() {
    let mut server = ModbusServer::start();
    server.tell("holding 2 0 16288");
    let address = format!("127.0.0.1:{}", server.port);
    let asked = [
        "orders",
        &address,
        "--at",
        "40003",
        "--range",
        "0..2.5",
        "--samples",
        "6",
        "--every",
        "100ms",
        "--json",
    ];
    let mover = async {
        // Low word first, as the orders would have it.
        for step in 0u32.. {
            let bits = (1.25f32 + 0.01 * (step % 50) as f32).to_bits();
            server.tell(&format!("holding 2 {} {}", bits & 0xFFFF, bits >> 16));
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    };
    let found = tokio::select! {
        found = report(&asked) => found,
        () = mover => unreachable!("it goes on for a long time"),
    };
    let first = &found["candidates"][0];
    assert_eq!(
        (&found["verdict"], &first["type"], &first["order"]),
        (&json!("clear"), &json!("f32"), &json!("cdab")),
        "{found}"
    );
    let zero =
        report(&["orders", &address, "--at", "40101", "--samples", "2", "--every", "10ms", "--json"]).await;
    assert_eq!(zero["verdict"], "zero");
    // The last register of the server: no room for a wide type.
    let edge = report(&["orders", &address, "--at", "41000", "--samples", "1", "--json"]).await;
    assert_eq!(edge["candidates"].as_array().map(Vec::len), Some(4), "{edge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_one_register_off_is_told_by_its_neighbour() {
    let mut server = ModbusServer::start();
    let address = format!("127.0.0.1:{}", server.port);
    let told = |at: &'static str, scale: &'static str| {
        let address = address.clone();
        async move {
            let asked =
                ["orders", &address, "--at", at, "--type", "u32", "--samples", "2", "--every", "10ms"];
            report(&[&asked[..], &["--range", scale, "--json"]].concat()).await
        }
    };
    server.tell("holding 102 0 7 0 9 0 4");
    let off = told("40104", "1..1000").await;
    assert_eq!((&off["verdict"], &off["candidates"][0]["order"]), (&json!("clear"), &json!("cdab")), "{off}");
    assert!(off["neighbour"].as_str().is_some_and(|n| n.contains("at 102") && n.contains("abcd")), "{off}");
    // Beside it no two registers make a number of that size: the address is right.
    server.tell("holding 202 30000 1 34464 9 50000");
    let right = told("40204", "99000..101000").await;
    assert_eq!((&right["verdict"], &right["neighbour"]), (&json!("clear"), &Value::Null), "{right}");
    let asked = ["orders", &address, "--at", "40104", "--type", "u32", "--range", "1..1000"];
    let (_, text, _) = probe(&[&asked[..], &["--samples", "1"]].concat()).await;
    assert!(text.contains("make sure that 103 is the value's first register"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_speak_ascii_or_datagrams_are_found_mapped_and_read() {
    for (option, scheme, named) in
        [("--ascii-tcp", "ascii+tcp", "(Modbus ASCII)"), ("--udp", "udp", "(Modbus in UDP datagrams)")]
    {
        let mut server = ModbusServer::start_with(&[option, "0"]);
        server.set_float(0, 1.25);
        let address = format!("{scheme}://127.0.0.1:{}", server.port);
        let found = ["modbus", &address, "--unit", "1", "--table", "holding"];
        let (code, text, err) = probe(&found).await;
        assert!(code == 0 && text.contains(named) && text.contains(&format!("{address}\"")), "{text}{err}");
        assert!(text.contains("0..999 (40001..41000)"), "{text}");
        let read = report(&["read", &address, "--at", "40001", "--type", "f32", "--json"]).await;
        assert_eq!(read["value"], 1.25);
        let orders = ["orders", &address, "--at", "40001", "--samples", "1", "--json"];
        assert_eq!(report(&orders).await["candidates"][0]["type"], "f32");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_line_is_scanned_mapped_and_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let end = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (ours, theirs) = (end("ours"), end("theirs"));
    let pair = Command::new("socat")
        .args([format!("pty,raw,echo=0,link={ours}"), format!("pty,raw,echo=0,link={theirs}")])
        .spawn()
        .expect("socat: run tests/tools.sh");
    let _pair = Process(pair);
    eventually("the line is there", async || {
        unless(std::path::Path::new(&ours).exists() && std::path::Path::new(&theirs).exists(), &ours)
    })
    .await;
    let mut server = ModbusServer::start_with(&["--rtu", &theirs, "--units", "2"]);
    server.set_float(0, 1.25);
    let address = format!("serial://{ours}?baud=9600&parity=none");
    let arguments =
        ["modbus", &address, "--unit", "1,2", "--table", "holding", "--timeout", "150ms", "--json"];
    let found = report(&[&arguments[..], &["--scan-lines"]].concat()).await;
    assert_eq!((&found["silent"], &found["units"][0]["unit"]), (&json!([1]), &json!(2)), "{found}");
    assert_eq!(spans(table(&found["units"][0], "holding")), [(0, 999)]);
    assert_eq!(found["units"][0]["pipelining"], Value::Null);
    let source = found["proposal"]["source"].as_str().expect("a text");
    assert!(source.contains(&address), "{source}");
    let read = report(&["read", &address, "--unit", "2", "--at", "40001", "--type", "f32", "--json"]).await;
    assert_eq!(read["value"], 1.25);
    let sent = read["frames"][0]["hex"].as_str().expect("a text");
    assert_eq!(sent, "02 03 00 00 00 02 C4 38");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frames_of_a_running_source_are_kept_on_request_and_fetched_as_a_capture() {
    let mut server = ModbusServer::start();
    server.set_float(2, 1.25);
    let settings = plants::base() + &plants::boiler(server.port);
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    let trace = "/api/v1/sources/plc/trace";
    assert_eq!(
        gateway.get(trace).await,
        json!({"on": false, "unit": null, "seconds_left": null, "frames": 0})
    );
    assert_eq!(gateway.post(trace, r#"{"on":true,"unit":1,"seconds":30}"#, &[]).await, 200);
    eventually("frames are kept", async || {
        let state = gateway.get(trace).await;
        unless(state["frames"].as_u64() > Some(8) && state["on"] == true && state["unit"] == 1, state)
    })
    .await;
    assert_eq!(gateway.post(trace, r#"{"on":false}"#, &[]).await, 200);
    let state = gateway.get(trace).await;
    assert_eq!((&state["on"], &state["seconds_left"]), (&json!(false), &Value::Null));
    let pcap = reqwest_bytes(&format!("{}{trace}.pcap", gateway.address)).await;
    assert_eq!(&pcap[..4], [0xD4, 0xC3, 0xB2, 0xA1]);
    let holds = |part: &[u8]| pcap.windows(part.len()).any(|w| w == part);
    assert!(holds(&[1, 3, 0, 2, 0, 2]), "no request for the level");
    assert!(holds(&[1, 3, 4, 0x3F, 0xA0, 0, 0]), "no answer with the level");

    // Of another unit there is nothing; of another source there is no trace.
    assert_eq!(gateway.post(trace, r#"{"on":true,"unit":9}"#, &[]).await, 200);
    eventually("more is polled", async || {
        let requests = gateway.get("/api/v1/overview").await["path"]["sources"][0]["requests"].as_u64();
        unless(requests > Some(30), requests)
    })
    .await;
    assert_eq!(gateway.get(trace).await["frames"], 0);
    assert_eq!(gateway.post(trace, r#"{"on":true,"seconds":601}"#, &[]).await, 400);
    assert_eq!(gateway.post("/api/v1/sources/none/trace", r#"{"on":true}"#, &[]).await, 404);
    assert_eq!(gateway.status("/api/v1/sources/none/trace.pcap", &[]).await, 404);
    gateway.stop().await;
}

async fn reqwest_bytes(url: &str) -> Vec<u8> {
    let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(url).send().await;
    answer.expect("an answer").bytes().await.expect("a body").to_vec()
}
