//! A small plant for the tests of all rooms: one boiler on one device.

use std::time::Duration;

use super::{
    Device, DeviceIx, Equipment, EquipmentIx, Id, Limit, Name, NoData, Plant, Point, PointIx, Priority, Site,
    ValueType,
};

fn id(text: &str) -> Id {
    Id::new(text).expect("a good id")
}

/// A point for each set of limits, ranging from −1000 to 1000; stale after 10 s, no-data alarm after 5 s.
pub(crate) fn plant(limits: Vec<Vec<Limit>>) -> Plant {
    let points: Vec<PointIx> = (0..limits.len() as u32).map(PointIx).collect();
    Plant {
        site: Site {
            id: id("n"),
            name: Name::new(Some("北区"), None, "n"),
            region: Some("370102".to_owned()),
            timezone: "UTC".to_owned(),
            director: None,
            atm_kpa: 101.325,
        },
        equipment: vec![Equipment {
            id: id("boiler-1"),
            name: Name::new(Some("1# 锅炉"), None, "boiler-1"),
            kind: id("steam-boiler"),
            model: None,
            registration: Some("11303701022020000001".to_owned()),
            officer: None,
            points: points.clone(),
            retired: false,
        }],
        points: limits
            .into_iter()
            .enumerate()
            .map(|(n, limits)| Point {
                id: id(&format!("p{n}")),
                name: Name::new(None, None, "p"),
                equipment: EquipmentIx(0),
                device: DeviceIx(0),
                unit: String::new(),
                range: Some((-1000.0, 1000.0)),
                value_type: ValueType::Float,
                labels: Vec::new(),
                decimals: 1,
                limits,
                doubts: None,
                voted: [false; 2],
                no_data: Some(NoData {
                    after: Duration::from_secs(5),
                    off_delay: Duration::ZERO,
                    priority: Priority::Medium,
                }),
            })
            .collect(),
        devices: vec![Device {
            label: "d/1".to_owned(),
            equipment: EquipmentIx(0),
            source: id("d"),
            points,
            stale_after: Duration::from_secs(10),
        }],
        derived: Vec::new(),
        alarm_policy: super::AlarmPolicy { repeat: [None; 4], ..super::AlarmPolicy::default() },
    }
}
