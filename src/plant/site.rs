//! The plant as the settings describe it: indexes instead of names on the hot path.

use std::time::Duration;

use super::{AlarmPolicy, Derived, Doubts, Id, Limit, NoData};

/// Index into [`Plant::points`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PointIx(pub u32);

/// Index into [`Plant::devices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceIx(pub u32);

/// Index into [`Plant::equipment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EquipmentIx(pub u32);

/// A name in both languages of the page; each falls back to the other in `new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// 中文
    pub zh: String,
    /// English
    pub en: String,
}

impl Name {
    /// Either text may be missing; with neither, `id` serves for both.
    #[must_use]
    pub fn new(zh: Option<&str>, en: Option<&str>, id: &str) -> Self {
        let first = zh.or(en).unwrap_or(id);
        Self { zh: zh.unwrap_or(first).to_owned(), en: en.unwrap_or(first).to_owned() }
    }
}

/// Where the gateway stands.
#[derive(Debug, Clone)]
pub struct Site {
    /// Tag `site` in the database.
    pub id: Id,
    /// For people.
    pub name: Name,
    /// Administrative division code of the supervising authority (属地), GB/T 2260.
    pub region: Option<String>,
    /// IANA time zone of the site; dates in hazard numbers and on the page are local.
    pub timezone: String,
    /// 安全总监 who answers for what is escalated.
    pub director: Option<String>,
    /// Atmospheric pressure, kPa absolute: what a gauge leaves out.
    pub atm_kpa: f64,
}

/// A boiler or a vessel.
#[derive(Debug, Clone)]
pub struct Equipment {
    /// Tag `equipment` in the database.
    pub id: Id,
    /// For people.
    pub name: Name,
    /// `steam-boiler`, `air-receiver` …; the database measurement with `-` as `_`.
    pub kind: Id,
    /// Model as on the nameplate.
    pub model: Option<String>,
    /// 使用登记证编号 or 设备代码; the subject of hazard events.
    pub registration: Option<String>,
    /// 安全员 who answers for it.
    pub officer: Option<String>,
    /// Its points, in the order they are shown.
    pub points: Vec<PointIx>,
    /// No longer in the settings; keeps its number until the next start, and is shown nowhere.
    pub retired: bool,
}

/// Which field type the database gets. Fixed per point, so no batch can conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Line protocol float.
    Float,
    /// Line protocol integer (`i`): unscaled integers.
    Integer,
    /// Line protocol boolean.
    Bool,
    /// Line protocol string; the reading's value is the text's number in [`super::TextTable`].
    Text,
}

/// One measured quantity of one piece of equipment.
#[derive(Debug, Clone)]
pub struct Point {
    /// Unique within its equipment; the field key in the database.
    pub id: Id,
    /// For people.
    pub name: Name,
    /// Whose.
    pub equipment: EquipmentIx,
    /// Which device reads it.
    pub device: DeviceIx,
    /// Unit as shown (`MPa`, `mm`, `℃`); empty for none, `bool` for a discrete point.
    pub unit: String,
    /// Physical range; a value outside is bad, not extreme.
    pub range: Option<(f64, f64)>,
    /// Field type.
    pub value_type: ValueType,
    /// Decimals shown.
    pub decimals: u8,
    /// What whole values mean (an enumeration), in the order of the values.
    pub labels: Vec<(i64, Name)>,
    /// Ordered LL, L, H, HH or State.
    pub limits: Vec<Limit>,
    /// Tests of its readings against each other; few points have any.
    pub doubts: Option<Box<Doubts>>,
    /// A vote counts what is beyond its range at the low end, at the high end: there it is past what the vote asks for.
    pub voted: [bool; 2],
    /// Its no-data alarm; `None` for a point nobody watches.
    pub no_data: Option<NoData>,
}

/// What answers for a set of points: one unit on a Modbus endpoint, one topic mapping, or the calculation of one
/// piece of equipment's derived points.
#[derive(Debug, Clone)]
pub struct Device {
    /// Unique; `plc-1/1` or `broker/boiler-1`, as shown on the data path.
    pub label: String,
    /// Whose points it reads.
    pub equipment: EquipmentIx,
    /// Id of its source.
    pub source: Id,
    /// Its points.
    pub points: Vec<PointIx>,
    /// Without a sample for this long, its points are stale.
    pub stale_after: Duration,
}

/// The whole plant, checked: every index in it is valid.
#[derive(Debug, Clone)]
pub struct Plant {
    /// Where.
    pub site: Site,
    /// Boilers and vessels.
    pub equipment: Vec<Equipment>,
    /// All points of all equipment.
    pub points: Vec<Point>,
    /// Everything that answers.
    pub devices: Vec<Device>,
    /// What is calculated, in an order in which it can be.
    pub derived: Vec<Derived>,
    /// How alarms call people.
    pub alarm_policy: AlarmPolicy,
}

impl Plant {
    /// Equipment that is in the settings.
    pub fn present(&self) -> impl Iterator<Item = &Equipment> {
        self.equipment.iter().filter(|e| !e.retired)
    }

    /// The point at `ix`.
    #[must_use]
    pub fn point(&self, ix: PointIx) -> &Point {
        &self.points[ix.0 as usize]
    }

    /// The device at `ix`.
    #[must_use]
    pub fn device(&self, ix: DeviceIx) -> &Device {
        &self.devices[ix.0 as usize]
    }

    /// The equipment at `ix`.
    #[must_use]
    pub fn equipment_at(&self, ix: EquipmentIx) -> &Equipment {
        &self.equipment[ix.0 as usize]
    }

    /// It calculates, and reads nothing.
    #[must_use]
    pub fn calculates(&self, device: DeviceIx) -> bool {
        self.derived.iter().any(|d| d.device == device)
    }

    /// Points with their indexes.
    pub fn points_ix(&self) -> impl Iterator<Item = (PointIx, &Point)> {
        self.points.iter().enumerate().map(|(i, p)| (PointIx(i as u32), p))
    }
}
