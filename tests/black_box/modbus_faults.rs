//! Promises P4, P5 and P7 on the Modbus side: a device that does wrong costs only itself, and no
//! value is ever taken for another's.

use std::collections::BTreeMap;

use crate::peers::{Gateway, Rogue, eventually, unless};
use crate::plants;

use crate::peers::rogue::{
    CUT, DRIP, EXCEPTION, EXTRA, GOOD, HOLE, LATE, LONG, NOISE, OTHER_FUNCTION, OTHER_TRANSACTION,
    OTHER_UNIT, SHORT, SILENT, value,
};

/// Eight registers, r0 to r7.
fn profile() -> String {
    let points: String = (0..8)
        .map(|n| format!("[[point]]\nid = \"r{n}\"\naddress = {}\ntype = \"u16\"\n", 40001 + n))
        .collect();
    format!("kind = \"rogue\"\n{points}")
}

/// One piece of equipment a unit, all on one connection or each on its own.
fn settings(port: u16, units: &[u8], one_connection: bool) -> String {
    let mut text = plants::base();
    let source = |id: &str| {
        format!(
            "[[source.modbus]]\nid = \"{id}\"\naddress = \"tcp://127.0.0.1:{port}\"\nperiod = \"100ms\"\n\
             timeout = \"90ms\"\nreconnect_min = \"20ms\"\nreconnect_max = \"100ms\"\n"
        )
    };
    if one_connection {
        text += &source("plc");
    }
    for unit in units {
        let plc = if one_connection { "plc".to_owned() } else { format!("plc-{unit}") };
        if !one_connection {
            text += &source(&plc);
        }
        text += &format!(
            "[[equipment]]\nid = \"u{unit}\"\nprofile = \"rogue\"\nsource = \"{plc}\"\nunit = {unit}\n"
        );
    }
    text
}

/// quality and cause of `r0` by unit.
async fn states(gateway: &Gateway) -> BTreeMap<String, (String, String)> {
    let equipment = gateway.get("/api/v1/equipment").await;
    let state = |e: &serde_json::Value| {
        let point = &e["points"][0];
        let text = |key: &str| point[key].as_str().unwrap_or_default().to_owned();
        (e["id"].as_str().unwrap_or_default().to_owned(), (text("quality"), text("cause")))
    };
    equipment.as_array().into_iter().flatten().map(state).collect()
}

/// Every committed value must be the one that this unit holds at this address.
fn no_mix_up(gateway: &Gateway, units: &[u8]) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for unit in units {
        let committed = gateway.committed(&format!("u{unit}"));
        for (point, _, read) in &committed {
            let address: u16 = point[1..].parse().expect("r0 to r7");
            assert_eq!(*read, f64::from(value(*unit, address)), "unit {unit} {point}: a value of another");
        }
        counts.insert(*unit, committed.len() / 8);
    }
    counts
}

const SICK: [u8; 10] =
    [LATE, OTHER_UNIT, CUT, SILENT, OTHER_TRANSACTION, SHORT, OTHER_FUNCTION, LONG, NOISE, EXCEPTION + 4];

#[tokio::test(flavor = "multi_thread")]
async fn sick_units_on_the_same_connection_deliver_no_wrong_value_and_leave_the_healthy_ones_theirs() {
    let rogue = Rogue::start().await;
    let units = [&[GOOD, DRIP][..], &SICK].concat();
    let mut gateway = Gateway::start(&settings(rogue.port, &units, true), &[("rogue.toml", &profile())]);
    eventually("the healthy units are read, a hundred times and more", async || {
        let counts = no_mix_up(&gateway, &units);
        unless(counts[&GOOD] > 100 && counts[&DRIP] > 100, counts)
    })
    .await;
    let states = states(&gateway).await;
    gateway.stop().await;
    let counts = no_mix_up(&gateway, &units);
    for unit in SICK {
        assert_eq!(counts[&unit], 0, "unit {unit} gave a value; {counts:?}");
        assert_eq!(states[&format!("u{unit}")].0, "bad", "unit {unit}: {states:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_wrong_answer_is_shown_with_its_cause() {
    let rogue = Rogue::start().await;
    let mut units = [&[GOOD, DRIP, EXTRA][..], &SICK].concat();
    units.extend([1, 2, 3, 5, 6, 8, 10, 11].map(|code| EXCEPTION + code));
    let mut gateway = Gateway::start(&settings(rogue.port, &units, false), &[("rogue.toml", &profile())]);
    let wanted = |unit: u8| match unit {
        GOOD | DRIP => vec![""],
        LATE | SILENT => vec!["timeout", "backing-off"],
        CUT => vec!["disconnected", "backing-off"],
        OTHER_UNIT | SHORT | OTHER_FUNCTION | LONG => vec!["garbled"],
        OTHER_TRANSACTION => vec!["garbled"],
        // An answer that nobody waits for is dropped; the right one behind it is taken.
        EXTRA => vec![""],
        NOISE => vec!["garbled", "timeout", "backing-off", "disconnected"],
        51 => vec!["exception-0b", "backing-off"],
        50 => vec!["exception-0a", "backing-off"],
        41 => vec!["exception-01"],
        42 => vec!["exception-02"],
        43 => vec!["exception-03"],
        44 => vec!["exception-04"],
        45 => vec!["exception-05"],
        46 => vec!["exception-06"],
        48 => vec!["exception-08"],
        _ => vec![],
    };
    eventually("every unit shows what is wrong with it", async || {
        let states = states(&gateway).await;
        let wrong: Vec<_> = units
            .iter()
            .filter(|unit| {
                let cause = states.get(&format!("u{unit}")).map_or("-", |s| s.1.as_str());
                !wanted(**unit).contains(&cause)
            })
            .map(|unit| (unit, states.get(&format!("u{unit}"))))
            .collect();
        unless(wrong.is_empty(), wrong)
    })
    .await;
    no_mix_up(&gateway, &units);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_register_is_set_aside_and_named_while_its_neighbours_are_read() {
    let rogue = Rogue::start().await;
    let mut gateway = Gateway::start(&settings(rogue.port, &[HOLE], true), &[("rogue.toml", &profile())]);
    eventually("seven good, one refused", async || {
        let points = gateway.get("/api/v1/equipment/u12/points").await;
        let good = points.as_array().is_some_and(|p| {
            p.iter()
                .all(|p| if p["id"] == "r5" { p["cause"] == "exception-02" } else { p["quality"] == "good" })
        });
        unless(good, points)
    })
    .await;
    gateway.stop().await;
    no_mix_up(&gateway, &[HOLE]);
    let log = gateway.log();
    assert!(log.contains("profiles/rogue.toml:"), "the line of the register list is not named: {log}");
}
