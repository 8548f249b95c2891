//! How payloads are built: where in a message the sets of values, their names, qualities and times
//! stand. A shape is data; `field/ingest/payload` reads by it. The presets are ready-made shapes for
//! the senders that are met most.

use std::time::Duration;

use super::Table;

/// One step down a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of an object, or an index of an array.
    Key(String),
    /// Every member: `*`.
    Each,
    /// Every member; its key names the device: `{device}`.
    Device,
}

/// A JSON pointer (RFC 6901) in which a whole token may be `*` or `{device}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath(pub Vec<Step>);

impl JsonPath {
    /// Reads a pointer, with wildcards if `wild`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, wild: bool) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(rest) = text.strip_prefix('/') else { return Err("no JSON pointer".to_owned()) };
        let steps = rest.split('/').map(|token| match token {
            "*" if wild => Ok(Step::Each),
            "{device}" if wild => Ok(Step::Device),
            _ => Ok(Step::Key(token.replace("~1", "/").replace("~0", "~"))),
        });
        steps.collect::<Result<_, String>>().map(Self)
    }

    /// How many steps go to every member.
    #[must_use]
    pub fn wildcards(&self) -> usize {
        self.0.iter().filter(|s| !matches!(s, Step::Key(_))).count()
    }

    /// True if `other` takes the same wildcard steps, in the same places, up to its last one.
    #[must_use]
    pub fn shares_wildcards_of(&self, other: &Self) -> bool {
        match other.0.iter().rposition(|s| !matches!(s, Step::Key(_))) {
            None => true,
            Some(last) => {
                let same = |a: &Step, b: &Step| match (a, b) {
                    (Step::Key(a), Step::Key(b)) => a == b,
                    (Step::Key(_), _) | (_, Step::Key(_)) => false,
                    _ => true,
                };
                self.0.len() > last && self.0.iter().zip(&other.0[..=last]).all(|(a, b)| same(a, b))
            }
        }
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Each => f.write_str("/*"),
            Step::Device => f.write_str("/{device}"),
        })
    }
}

/// Which qualities are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    /// Numbers as OPC, truth values as they are, the words `good` and `ok`.
    Auto,
    /// OPC DA quality: both high bits set (192 and up).
    Opc,
    /// An error code: 0, an empty text and no code at all are good.
    Zero,
    /// A truth value, or 1.
    True,
    /// The word `good` or `ok`.
    Word,
}

/// How a payload writes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// Told by its look and size.
    Auto,
    /// Seconds since the epoch, fractions allowed.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
    /// RFC 3339 text.
    Rfc3339,
    /// `2025-01-01 08:00:00` in the site's time zone.
    Local,
    /// `20250101080000` in the site's time zone.
    Compact,
    /// `20250101T000000Z`, UTC.
    Basic,
}

impl TimeFormat {
    /// As the settings write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Seconds => "s",
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Nanos => "ns",
            Self::Rfc3339 => "rfc3339",
            Self::Local => "local",
            Self::Compact => "compact",
            Self::Basic => "basic",
        }
    }
}

/// What to do with a device time that is too far behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It is believed: buffered readings, which fill history and raise nothing.
    History,
    /// It is not: the device's clock is wrong, arrival counts, and the readings are marked.
    Arrival,
}

/// How device times are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRule {
    /// How they are written.
    pub format: TimeFormat,
    /// Further off than this is too far.
    pub tolerance: Duration,
    /// Too far behind.
    pub late: Late,
}

impl Default for TimeRule {
    fn default() -> Self {
        Self { format: TimeFormat::Auto, tolerance: Duration::from_secs(600), late: Late::History }
    }
}

/// One way in which sets of values may stand in a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The sets: objects name → entry, or lists of entries with a name in them.
    pub values: JsonPath,
    /// In a list: the entry's key that holds the name.
    pub name: Option<String>,
    /// The entry's key that holds the value; entries that are no objects are the value.
    pub value: Option<String>,
    /// The entry's key that holds the quality.
    pub quality: Option<String>,
    /// The entry's key that holds its time.
    pub time: Option<String>,
    /// An object name → error code.
    pub errors: Option<JsonPath>,
    /// The time of a set, or of the whole message.
    pub set_time: Option<JsonPath>,
}

/// A message to pass over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// Where to look.
    pub pointer: JsonPath,
    /// With this text there, which may begin or end with `*` for anything; `None`: with anything there.
    pub is: Option<String>,
}

/// A Modbus request whose replies come as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HexRequest {
    /// Unit id, if not the equipment's.
    pub unit: Option<u8>,
    /// Which table: function codes 1 to 4.
    pub table: Table,
    /// First register or bit, from 0.
    pub start: u16,
    /// How many.
    pub count: u16,
}

impl HexRequest {
    /// Function code.
    #[must_use]
    pub fn function(&self) -> u8 {
        match self.table {
            Table::Coil => 1,
            Table::DiscreteInput => 2,
            Table::HoldingRegister => 3,
            Table::InputRegister => 4,
        }
    }

    /// How many data bytes the reply has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self.table {
            Table::Coil | Table::DiscreteInput => usize::from(self.count).div_ceil(8),
            Table::HoldingRegister | Table::InputRegister => 2 * usize::from(self.count),
        }
    }
}

/// What is in a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Every point has a JSON pointer of its own.
    Pointers,
    /// Sets of named values, in the first of these layouts that fits.
    Records(Vec<Layout>),
    /// One value, of the one point or the point the topic names.
    Scalar,
    /// A Modbus RTU reply: binary, or in hexadecimal text, or such a text at `pointer`.
    Hex {
        /// Where the text stands; without a step the payload is the reply.
        pointer: JsonPath,
        /// What was asked.
        requests: Vec<HexRequest>,
    },
}

/// How payloads are built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The preset it began as, for people.
    pub preset: &'static str,
    /// What is in it.
    pub body: Body,
    /// Texts that are JSON themselves, opened first.
    pub parse: Vec<JsonPath>,
    /// Messages to pass over.
    pub ignore: Vec<Ignore>,
    /// Where the payload names the device.
    pub device: Option<JsonPath>,
    /// Where the payload has its time, for bodies without sets.
    pub time: Option<JsonPath>,
    /// How times are understood.
    pub rule: TimeRule,
    /// Which qualities are good.
    pub good: Good,
    /// A point that is not in a message is bad at once; otherwise after the device's silence.
    pub complete: bool,
}

impl Shape {
    fn of(preset: &'static str, body: Body) -> Self {
        Self {
            preset,
            body,
            parse: Vec::new(),
            ignore: Vec::new(),
            device: None,
            time: None,
            rule: TimeRule::default(),
            good: Good::Auto,
            complete: false,
        }
    }

    /// The names of all presets.
    pub const PRESETS: [&'static str; 12] = [
        "pointers",
        "scalar",
        "flat",
        "nested",
        "points",
        "neuron",
        "usr",
        "dtu",
        "alink",
        "huawei",
        "thingsboard",
        "hex",
    ];

    /// The preset called `name`.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        let path = |text: &str| JsonPath::parse(text, true).expect("a preset's paths are good");
        let some = |text: &str| Some(text.to_owned());
        let at = |values: &str| Layout { values: path(values), ..Layout::default() };
        let list = |values: &str, name: &str, value: &str| Layout {
            name: some(name),
            value: some(value),
            ..at(values)
        };
        let records = |layouts: Vec<Layout>| Body::Records(layouts);
        Some(match name {
            "pointers" => Self { complete: true, ..Self::of("pointers", Body::Pointers) },
            "scalar" => Self::of("scalar", Body::Scalar),
            // {"temperature":19.7,"DI1":1}, alone or in a list
            "flat" => Self::of("flat", records(vec![at(""), at("/*")])),
            // {"ts":…,"device":"B1","data":{"p":{"v":1.02,"q":192}}}
            "nested" => Self {
                device: Some(path("/device")),
                ..Self::of(
                    "nested",
                    records(vec![Layout {
                        value: some("v"),
                        quality: some("q"),
                        set_time: Some(path("/ts")),
                        ..at("/data")
                    }]),
                )
            },
            // {"time":…,"points":[{"name":"P1","value":"1.02","err":"0"}]}, alone or in a list
            "points" => {
                let points = |values: &str, time: &str| Layout {
                    quality: some("err"),
                    set_time: Some(path(time)),
                    ..list(values, "name", "value")
                };
                Self {
                    good: Good::Zero,
                    ..Self::of(
                        "points",
                        records(vec![points("/points", "/time"), points("/*/points", "/*/time")]),
                    )
                }
            }
            "neuron" => {
                let time = Some(path("/timestamp"));
                let tags = Layout {
                    quality: some("error"),
                    set_time: time.clone(),
                    ..list("/tags", "name", "value")
                };
                let values = Layout { errors: Some(path("/errors")), set_time: time, ..at("/values") };
                Self {
                    device: Some(path("/node")),
                    good: Good::Zero,
                    rule: TimeRule { format: TimeFormat::Millis, ..TimeRule::default() },
                    ..Self::of("neuron", records(vec![tags, values]))
                }
            }
            "usr" => {
                let body = |values: &str| Layout { quality: some("err"), ..list(values, "name", "value") };
                let passed = |pointer: &str, is: Option<&str>| Ignore {
                    pointer: path(pointer),
                    is: is.map(str::to_owned),
                };
                Self {
                    device: Some(path("/rw_prot/id")),
                    good: Good::Zero,
                    ignore: vec![
                        passed("/rw_prot/dir", Some("down")),
                        passed("/params/dir", Some("down")),
                        passed("/rw_prot/w_data", None),
                        passed("/params/w_data", None),
                    ],
                    ..Self::of("usr", records(vec![body("/rw_prot/r_data"), body("/params/r_data")]))
                }
            }
            "dtu" => Self {
                device: Some(path("/devid")),
                rule: TimeRule { late: Late::Arrival, ..TimeRule::default() },
                ..Self::of("dtu", records(vec![Layout { set_time: Some(path("/time")), ..at("/params") }]))
            },
            // What the cloud sets is not what the device has, and a reply repeats nothing of it.
            "alink" => Self {
                ignore: ["thing.service.*", "*_reply"]
                    .map(|is| Ignore { pointer: path("/method"), is: some(is) })
                    .into(),
                rule: TimeRule { format: TimeFormat::Millis, ..TimeRule::default() },
                ..Self::of(
                    "alink",
                    records(vec![Layout { value: some("value"), time: some("time"), ..at("/params") }]),
                )
            },
            "huawei" => {
                let own =
                    Layout { set_time: Some(path("/services/*/event_time")), ..at("/services/*/properties") };
                let through = Layout {
                    set_time: Some(path("/devices/*/services/*/event_time")),
                    ..at("/devices/*/services/*/properties")
                };
                Self {
                    device: Some(path("/devices/*/device_id")),
                    rule: TimeRule { format: TimeFormat::Basic, ..TimeRule::default() },
                    ..Self::of("huawei", records(vec![own, through]))
                }
            }
            "thingsboard" => Self {
                rule: TimeRule { format: TimeFormat::Millis, ..TimeRule::default() },
                ..Self::of(
                    "thingsboard",
                    records(vec![Layout {
                        set_time: Some(path("/{device}/*/ts")),
                        ..at("/{device}/*/values")
                    }]),
                )
            },
            "hex" => Self::of("hex", Body::Hex { pointer: JsonPath::default(), requests: Vec::new() }),
            _ => return None,
        })
    }

    /// True if the payload itself parts the values by device, so that a name must fit.
    #[must_use]
    pub fn parts_by_device(&self) -> bool {
        matches!(&self.body, Body::Records(layouts)
            if layouts.iter().any(|l| l.values.0.contains(&Step::Device)))
    }
}
