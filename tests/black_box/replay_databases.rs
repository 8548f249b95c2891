//! `steamward replay --influx`: the history read back from the database that the outlet wrote to.
//!
//! InfluxDB 1 is real. A server that answers Flux cannot be had here: what the scripted one answers follows
//! the annotated CSV of InfluxDB 2, and is checked for being asked rightly.

use std::sync::{Arc, Mutex};

use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::peers::{Gateway, Influx1, ModbusServer, Victoria, eventually, unless};
use crate::plants;

fn report(gateway: &Gateway, words: &[&str]) -> Value {
    let (code, said) = gateway.tool(&[&["replay", "--config", ".", "--json"], words].concat());
    assert_eq!(code, 0, "{said}");
    let json: String = said.lines().filter(|l| !l.starts_with("judged ")).collect::<Vec<_>>().join("\n");
    serde_json::from_str(&json).expect("JSON")
}

/// Plays a level that is twice too low, and stops when all of it is committed.
async fn a_past(settings: &str, modbus: &mut ModbusServer) -> Gateway {
    let mut gateway = Gateway::start(settings, &[plants::BOILER]);
    for level in [0.0, -80.0, 0.0, -60.0, -120.0, 0.0] {
        modbus.set_float(2, level as f32);
        eventually("the level is read", async || {
            let points = gateway.get("/api/v1/equipment/boiler-1/points").await;
            unless(points[0]["value"] == level && points[0]["quality"] == "good", points)
        })
        .await;
    }
    gateway.stop().await;
    gateway
}

/// First and last time that is in the store, and one beyond it.
fn span(gateway: &Gateway) -> (String, String) {
    let times: Vec<i64> = gateway.committed("boiler-1").iter().map(|c| c.1).collect();
    let text = |at: Option<&i64>, plus: i64| {
        let at = at.expect("something was committed") + plus;
        jiff::Timestamp::from_microsecond(at).expect("a time").to_string()
    };
    (text(times.iter().min(), 0), text(times.iter().max(), 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_influxdb_1_has_kept_is_judged_as_the_gateway_s_own_past() {
    let mut modbus = ModbusServer::start();
    let database = Influx1::start().await;
    let outlet = format!(
        "[[outlet.influx]]\nid = \"v1\"\nurl = \"http://127.0.0.1:{}\"\napi = \"v1\"\ndatabase = \"boilers\"\nbatch_age = \"100ms\"\n",
        database.port
    );
    // Others write to it too: with another site, without equipment, and a text.
    let now = crate::peers::now_ms();
    database.write(&format!("steam_boiler,equipment=boiler-1,site=south drum_level=-140 {now}000000")).await;
    database.write(&format!("cpu,host=a,site=test load=0.5 {now}000000")).await;
    let settings = [plants::base(), plants::boiler(modbus.port), outlet].concat();
    let gateway = a_past(&settings, &mut modbus).await;
    database
        .write(&format!("steam_boiler,equipment=boiler-1,site=test,line=x note=\"-140\" {now}000000"))
        .await;

    let (from, to) = span(&gateway);
    let span = ["--from", from.as_str(), "--to", to.as_str()];
    let own = report(&gateway, &span);
    let theirs = report(&gateway, &[&["--influx", "v1"], &span[..]].concat());
    assert_eq!(own["tried"]["calls"], 2, "{own}");
    assert_eq!(own["rules"], theirs["rules"]);
    assert_eq!((&own["tried"], &own["really"]), (&theirs["tried"], &theirs["really"]));
    assert_eq!(theirs["unknown"], json!([]), "{theirs}");

    let (code, said) = gateway.tool(&["replay", "--config", ".", "--influx", "v1"]);
    assert!(code == 1 && said.contains("--influx needs --from"), "{said}");
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--influx", "v2", "--from", "1h"]);
    assert!(code == 1 && said.contains("there is: v1"), "{said}");
    drop(database);
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--influx", "v1", "--from", "1h"]);
    assert!(code == 1 && said.contains("outlet `v1`: http://127.0.0.1"), "{said}");
}

#[derive(Default)]
struct Flux {
    /// Equipment, point, time in microseconds, value as text.
    rows: Mutex<Vec<(String, String, i64, String)>>,
    asked: Mutex<Vec<(i64, i64)>>,
}

impl Flux {
    fn answer(&self, query: &str) -> Response {
        let part = |after: &str, until: char| {
            let rest = &query[query.find(after).expect(after) + after.len()..];
            rest[..rest.find(until).expect("an end")].to_owned()
        };
        let time = |text: &str| text.trim().parse::<jiff::Timestamp>().expect("RFC 3339").as_microsecond();
        assert!(
            query.contains("from(bucket: \"b\")") && query.contains("r[\"site\"] == \"test\""),
            "{query}"
        );
        let (start, stop) = (time(&part("start: ", ',')), time(&part("stop: ", ')')));
        self.asked.lock().expect("held").push((start, stop));
        let mut text = String::new();
        let rows = self.rows.lock().expect("held");
        // Newest first: no order is promised.
        let found = rows.iter().rev().filter(|r| (start..stop).contains(&r.2));
        for (n, (equipment, point, at, value)) in found.enumerate() {
            if n == 0 {
                text += "#datatype,string,long,string,string,string,string\r\n\
                         #group,false,false,false,false,false,false\r\n#default,_result,,,,,\r\n\
                         ,result,table,at,equipment,point,value\r\n";
            }
            text += &format!(",,0,{at}000,{equipment},{point},{value}\r\n");
        }
        text += "\r\n";
        ([("content-type", "text/csv; charset=utf-8")], text).into_response()
    }

    async fn serve(self: &Arc<Self>) -> u16 {
        let shared = Arc::clone(self);
        let query = async move |headers: HeaderMap,
                                Query(org): Query<std::collections::BTreeMap<String, String>>,
                                axum::Json(body): axum::Json<Value>| {
            assert_eq!(headers["authorization"], "Token black-box-token");
            assert_eq!(org["org"], "o");
            let text = body["query"].as_str().unwrap_or_default();
            if text.contains("gone") {
                let said = json!({ "code": "not found", "message": "could not find bucket \"gone\"" });
                return (StatusCode::NOT_FOUND, axum::Json(said)).into_response();
            }
            shared.answer(text)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let router = axum::Router::new().route("/api/v2/query", axum::routing::post(query));
        tokio::spawn(async move { axum::serve(listener, router).await });
        port
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_over_flux_is_asked_for_window_after_window_and_judged_in_the_order_of_time() {
    let mut modbus = ModbusServer::start();
    let flux: Arc<Flux> = Arc::default();
    let port = flux.serve().await;
    let settings = plants::base() + &plants::boiler(modbus.port);
    let gateway = a_past(&settings, &mut modbus).await;
    let truth = ["burner_run", "flame_fail"];
    flux.rows.lock().expect("held").extend(gateway.committed("boiler-1").into_iter().map(
        |(point, at, value)| {
            let text =
                if truth.contains(&point.as_str()) { (value != 0.0).to_string() } else { value.to_string() };
            ("boiler-1".to_owned(), point, at, text)
        },
    ));
    let outlet = |bucket: &str| {
        format!(
            "[[outlet.influx]]\nid = \"v2\"\nurl = \"http://127.0.0.1:{port}\"\norg = \"o\"\nbucket = \"{bucket}\"\ntoken = {{ env = \"TEST_TOKEN\" }}\n"
        )
    };
    gateway.configure(&(settings.clone() + &outlet("b")));

    let (from, to) = span(&gateway);
    let span = ["--from", from.as_str(), "--to", to.as_str()];
    let own = report(&gateway, &span);
    let theirs = report(&gateway, &[&["--influx", "v2"], &span[..]].concat());
    assert_eq!(own["tried"]["calls"], 2, "{own}");
    assert_eq!((&own["rules"], &own["tried"]), (&theirs["rules"], &theirs["tried"]));

    // A longer look back: windows of an hour, one after the other, and none twice.
    flux.asked.lock().expect("held").clear();
    let long = report(&gateway, &["--influx", "v2", "--from", "150m", "--to", to.as_str()]);
    // The silence before its first reading is no missing data.
    assert_eq!(long["tried"]["calls"], 2, "{long}");
    let asked = flux.asked.lock().expect("held").clone();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.windows(2).all(|w| w[0].1 == w[1].0), "{asked:?}");
    assert_eq!(asked[2].1 - asked[0].0, 150 * 60_000_000 + 1, "{asked:?}");

    // What is no number is left out, and a time that is none is told.
    let row = |at: i64, value: &str| ("boiler-1".to_owned(), "drum_level".to_owned(), at, value.to_owned());
    let first = flux.rows.lock().expect("held")[0].2;
    flux.rows.lock().expect("held").push(row(first, "open"));
    let same = report(&gateway, &[&["--influx", "v2"], &span[..]].concat());
    assert_eq!(same["tried"], theirs["tried"]);

    gateway.configure(&(settings + &outlet("gone")));
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--influx", "v2", "--from", "1h"]);
    assert!(code == 1 && said.contains("could not find bucket") && !said.contains("--csv"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_lines_but_answers_no_flux_is_told_with_what_to_do_instead() {
    let database = Victoria::start().await;
    let settings = [plants::base(), plants::boiler(1), plants::victoria(database.port)].concat();
    let gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--influx", "database", "--from", "1h"]);
    assert!(code == 1 && said.contains("does not answer Flux") && said.contains("--csv"), "{said}");
}
