//! What is written reads back the same, and no cell brings an import down.

use proptest::prelude::*;

use super::*;

fn a_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9蒸汽压力;:=/,\"'#{} .-]{1,12}",
        Just("0:停 1:开".to_owned()),
        Just("b0 甲, b1 乙".to_owned())
    ]
    .prop_map(|t| t.trim().to_owned())
    .prop_filter("blank signs are empty cells", |t| !text::is_blank(t))
}

fn a_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-1000..1000_i32).prop_map(f64::from),
        (-1_000_000..1_000_000_i32).prop_map(|n| f64::from(n) / 1000.0)
    ]
}

fn some<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(value)
}

fn a_point() -> impl Strategy<Value = Keys> {
    let words =
        (some(a_text()), some(a_text()), some(prop::sample::select(vec!["MPa", "℃", "t/h", "weird unit"])));
    let place = (
        some(prop::sample::select(vec!["holding", "input", "coil"])),
        prop_oneof![0..3000_u32, 40_001..40_500_u32, 30_001..30_500_u32, 400_001..400_500_u32],
        some(prop::sample::select(vec!["u16", "i32", "f32", "bcd32", "m10k48", "epoch32"])),
        some(prop::sample::select(vec!["abcd", "cdab", "badc", "dcba"])),
        some(0..16_u8),
    );
    let meaning = (
        some(a_number().prop_filter("a scale", |n| *n != 0.0)),
        some(a_number()),
        some(0..9_u8),
        some((a_number(), 1..100_u8)),
        some(prop::collection::vec(a_number(), 1..3)),
        some(any::<bool>()),
    );
    let rest = (
        some(prop::collection::btree_map(0..20_u8, (some(a_text()), a_text()), 1..4)),
        prop::collection::btree_map(
            prop::sample::select(vec!["ll", "l", "h", "hh", "state"]),
            (a_number(), some(0..9_u8), some(Just("3s")), some(Just("critical")), some(any::<bool>())),
            0..4,
        ),
        some((4_u8..20, 21_u8..100)),
        some(Just("10s")),
        some(prop::sample::select(vec!["decimal_point", "ct"])),
    );
    (words, place, meaning, rest).prop_map(|(words, place, meaning, rest)| {
        let mut keys = Keys::new();
        let mut put = |key: &str, value: Option<Val>| keys.extend(value.map(|v| (key.to_owned(), v)));
        put("name", words.0.map(Val::Text));
        put("name_en", words.1.map(Val::Text));
        put("unit", words.2.map(Val::text));
        put("table", place.0.map(Val::text));
        put("address", Some(Val::Number(f64::from(place.1))));
        let bits = place.0 == Some("coil");
        if bits {
            put("invert", meaning.5.map(Val::Flag));
        } else if let Some(bit) = place.4 {
            put("bit", Some(Val::Number(f64::from(bit))));
        } else {
            put("type", place.2.map(Val::text));
            put("order", place.3.map(Val::text));
        }
        put("scale", meaning.0.map(Val::Number));
        put("offset", meaning.1.map(Val::Number));
        put("decimals", meaning.2.map(|n| Val::Number(f64::from(n))));
        put("range", meaning.3.map(|(low, wide)| Val::numbers(&[low, low + f64::from(wide)])));
        // One that is said twice is read once.
        let sentinels = meaning.4.map(|mut all| {
            all.dedup();
            Val::numbers(&all)
        });
        put("sentinels", sentinels);
        put("period", rest.3.map(Val::text));
        let label = |(zh, en): (Option<String>, String)| {
            let zh = zh.map(|t| ("zh".to_owned(), Val::Text(t)));
            Val::Table(zh.into_iter().chain([("en".to_owned(), Val::Text(en))]).collect())
        };
        put(
            "labels",
            rest.0.map(|l| Val::Table(l.into_iter().map(|(n, w)| (n.to_string(), label(w))).collect())),
        );
        put(
            "loop",
            rest.2.map(|(low, high)| {
                Val::parse(&format!("{{ raw = [{low}, {high}], range = [0, 1], live_zero = false }}"))
                    .expect("a table")
            }),
        );
        for (kind, (at, deadband, delay, priority, latch)) in rest.1 {
            put(&format!("limits.{kind}.at"), Some(Val::Number(at)));
            put(&format!("limits.{kind}.deadband"), deadband.map(|n| Val::Number(f64::from(n))));
            put(&format!("limits.{kind}.on_delay"), delay.map(Val::text));
            put(&format!("limits.{kind}.priority"), priority.map(Val::text));
            put(&format!("limits.{kind}.latch"), latch.map(Val::Flag));
        }
        keys
    })
}

fn a_profile() -> impl Strategy<Value = Profile> {
    let head = (
        some(Just("steam-boiler")),
        some(prop::sample::select(vec!["abcd", "cdab"])),
        some(prop::sample::select(vec!["holding", "input"])),
        some(0..2_u8),
        some(1..125_u8),
    );
    (head, prop::collection::vec(a_point(), 1..6)).prop_map(|(head, all)| {
        let mut keys = Keys::new();
        let mut put = |key: &str, value: Option<Val>| keys.extend(value.map(|v| (key.to_owned(), v)));
        put("kind", head.0.map(Val::text));
        put("order", head.1.map(Val::text));
        put("table", head.2.map(Val::text));
        put("address_base", head.3.map(|n| Val::Number(f64::from(n))));
        put("modbus.max_registers", head.4.map(|n| Val::Number(f64::from(n))));
        let base = head.3.unwrap_or(0);
        let point = |(n, mut keys): (usize, Keys)| {
            // Address 0 does not exist when counting from 1.
            if base == 1 && keys.get("address") == Some(&Val::Number(0.0)) {
                keys.insert("address".to_owned(), Val::Number(1.0));
            }
            // Six digits name their table themselves; beside a table they are beyond its end.
            if let (Some(Val::Number(n @ 65_536.0..)), true) =
                (keys.get("address").cloned(), keys.contains_key("table") || head.2.is_some())
            {
                keys.insert("address".to_owned(), Val::Number(n - 360_000.0));
            }
            Point { id: format!("p{n}"), keys, explicit: true, ..Point::default() }
        };
        Profile { head: keys, points: all.into_iter().enumerate().map(point).collect() }
    })
}

proptest! {
    #[test]
    fn an_exported_profile_imports_back_to_the_same(profile in a_profile()) {
        comes_back(&profile)?;
    }

    #[test]
    fn a_profile_with_any_of_its_keys_comes_back_from_its_sheet(text in any_keys()) {
        let profile = read("p.toml", &text).expect("TOML");
        comes_back(&profile)?;
    }

    #[test]
    fn a_written_profile_reads_back_to_the_same(one in a_profile(), two in a_profile()) {
        let text = write("p.toml", None, &one, "# head\n").expect("written");
        let diff = Diff::between(&one, &read("p.toml", &text).expect("read"));
        prop_assert!(diff.is_empty(), "{}", diff);
        // And over another profile's file.
        let over = write("p.toml", Some(&text), &two, "").expect("written");
        let diff = Diff::between(&two, &read("p.toml", &over).expect("read"));
        prop_assert!(diff.is_empty(), "{}\n{}", diff, over);
    }

    #[test]
    fn no_cell_whatever_is_in_it_brings_the_import_down(
        rows in prop::collection::vec(prop::collection::vec("[0-9A-Fxb.,:;~\u{ff10}-\u{ff19}位一高报-]{0,8}|.{0,6}", 9), 1..8)
    ) {
        let header = ["名称", "寄存器地址", "数据类型", "系数", "量程", "位", "高报", "枚举", "备注"].map(str::to_owned).to_vec();
        let sheet = Sheet::of_texts("x", std::iter::once(header).chain(rows).collect());
        let imported = import(&[sheet], &Options::default());
        let text = write("p.toml", None, &merge(&Profile::default(), &imported, false).profile, "").expect("written");
        prop_assert!(read("p.toml", &text).is_ok());
    }
}

/// Through the cells of a workbook, and through those of a text file, in which all are texts.
fn comes_back(profile: &Profile) -> Result<(), TestCaseError> {
    let exported = export("p", profile);
    prop_assert_eq!(&exported.lost, &Vec::<String>::new());
    let mut texts = exported.sheet.clone();
    for cell in texts.rows.iter_mut().flatten() {
        *cell = Cell::Text(cell.shown());
    }
    for sheet in [exported.sheet, texts] {
        let imported = import(&[sheet], &Options::default());
        prop_assert_eq!(told(&imported.faults), Vec::<String>::new());
        let back = merge(&Profile::default(), &imported, false).profile;
        let diff = Diff::between(profile, &back);
        prop_assert!(diff.is_empty(), "{}", diff);
    }
    Ok(())
}

/// Every key of a point with values that differ in kind; alternatives stand behind each other.
const OF_POINT: &[&[&str]] = &[
    &["name = \"压力\"", "name = \"a = 1\""],
    &["name_en = \"0=Stop 1=Run\""],
    &["unit = \"℃\"", "unit = \"bool\""],
    &["decimals = 0", "decimals = 3"],
    &["range = [-1.5, 2]"],
    &[
        "scale = 0.1",
        "calibration = [[0, -0.02], [1000, 9.97]]",
        "loop = { raw = [0, 1], range = [0, 2], fault_hold = \"9s\" }",
    ],
    &["offset = -25"],
    &["raw_unit = \"℃\"", "raw_unit = \"kgf/cm2\""],
    &["invert = false", "invert = true"],
    &["map = { open = 100, closed = 0 }"],
    &["sentinels = [32767, -2.5]"],
    &["labels = { 0 = \"x\", 7 = { zh = \"运行\", en = \"Run\" } }", "labels = { 1 = { en = \"On\" } }"],
    &[
        "address = 40003",
        "address = 7\ntable = \"input\"",
        "address = 7\nfunction = 4",
        "address = \"0x2000\"",
    ],
    &[
        "type = \"i32\"\norder = \"cdab\"",
        "type = \"u64\"\norder = \"hgfedcba\"",
        "bit = 3",
        "bits = [4, 7]\ntype = \"i16\"",
        "type = \"string\"\nlength = 4\nencoding = \"gbk\"",
        "order = \"ba\"\nbit = 1\nbit_order = \"reversed\"",
    ],
    &["decimals_from = \"p0\""],
    &["times = [\"p0\", \"p0\"]"],
    &["period = \"10s\""],
    &["confirm = true"],
    &["shared = true"],
    &["metric = \"1\"", "metric = \"a b\""],
    &["key = \"Steam/Pressure\"", "key = \"true\""],
    &["pointer = \"/a/0\"", "pointer = \"\""],
    &["quality = \"/q\""],
    &["topic = \"+/x\"", "topic = \"\\\"x\""],
    &["max_step = 0.3"],
    &["flatline = { after = \"10m\", within = 0.1, when = \"p0\" }"],
];
/// Every key of a limit.
const OF_LIMIT: &[&[&str]] = &[
    &["deadband = 5"],
    &["on_delay = \"3s\""],
    &["off_delay = \"10s\""],
    &["priority = \"critical\""],
    &["latch = true"],
    &["hazard = \"major\""],
    &["near = 10"],
    &["escalate = true"],
    &["when = \"burner_run\"", "when = \"1\""],
    &["unless = [\"a\", \"b\"]"],
    &["schedule = [{ days = [\"mon\"], from = \"22:00\", to = \"06:00\", at = 1.5 }]"],
    &["follows = [\"flame.state\"]"],
    &["message = \"{value} = 5\"", "message = { zh = \"高\", en = \"high\" }", "message = \"12\""],
    &["consequence = \"-\""],
    &["response = \" stop \"", "response = \"two\\nlines\""],
    &["response_time = \"1m\""],
];
/// What else stands among the limits of a point.
const LIMITS: &[&[&str]] = &[
    &["no_data = false", "no_data = { after = \"10s\", off_delay = \"1s\", priority = \"low\" }"],
    &["normal = [0.8, 1.1]", "normal = false"],
    &["rate = { per = \"min\", window = \"60s\", h = { at = 3, latch = true } }"],
    &["counter = {}", "counter = { wraps_at = 65536 }"],
    &["deviation = { from = \"p0\", h = { at = 2 } }"],
    &["disagreement = { with = [\"p0\"], at = 5 }"],
    &["mismatch = { with = \"p0\", travel = \"5s\" }"],
    &["count = { above = 75, window = \"1d\", h = { at = 5 } }"],
    &["time_to = { limit = \"hh\", within = \"2m\" }"],
    &["vote = { with = [\"a\", \"b\"], above = 5, need = 2 }"],
];
const HEAD: &[&[&str]] = &[
    &["kind = \"steam-boiler\""],
    &["order = \"cdab\""],
    &["address_base = 0"],
    &["topic = \"plant/{device}\"", "topic = \"1\""],
    &["shape = \"senml\"", "shape = { values = \"/d/*\", ignore = [{ pointer = \"/x\" }] }"],
    &["time = { pointer = \"/ts\", format = \"ms\" }"],
    &["offline = { topic = \"x\", payload = \"offline\" }"],
    &["modbus = { max_registers = 60 }"],
    &["state = [{ id = \"s\", when = \"p0 > 1\", suppress = [\"p0.h\"] }]"],
    &["derived = [{ id = \"d\", formula = \"p0 * 2\", limits = { h = { at = 2 } } }]"],
    &["detector = [{ id = \"x\", kind = \"leak\" }]"],
];

fn some_of(all: &'static [&'static [&'static str]], between: &'static str) -> impl Strategy<Value = String> {
    let one = |alternatives: &'static [&'static str]| prop::option::of(prop::sample::select(alternatives));
    let all: Vec<_> = all.iter().map(|a| one(a)).collect();
    all.prop_map(move |lines| lines.into_iter().flatten().collect::<Vec<_>>().join(between))
}

fn any_keys() -> impl Strategy<Value = String> {
    let limits = prop::collection::btree_map(
        prop::sample::select(vec!["ll", "l", "h", "hh", "state"]),
        prop_oneof![Just(None), some_of(OF_LIMIT, ", ").prop_map(Some)],
        0..4,
    );
    let point = (some_of(OF_POINT, "\n"), limits, some_of(LIMITS, "\n"));
    (some_of(HEAD, "\n"), prop::collection::vec(point, 0..4)).prop_map(|(head, points)| {
        let mut text = format!("{head}\n[[point]]\nid = \"p0\"\naddress = 40001\n");
        for (n, (keys, limits, more)) in points.into_iter().enumerate() {
            text.push_str(&format!(
                "# above it\n[[point]]\nid = \"p{}\"\n{keys}\n[point.limits]\n{more}\n",
                n + 1
            ));
            for (kind, keys) in limits {
                let limit = keys.map_or_else(
                    || "false".to_owned(),
                    |keys| format!("{{ at = 1, {keys} }}").replace(", }", " }"),
                );
                text.push_str(&format!("{kind} = {limit}\n"));
            }
        }
        text
    })
}

/// The keys in the table of a heading of the manual.
fn documented(heading: &str) -> Vec<String> {
    let manual = include_str!("../../../../docs/configuration.md");
    let below = manual.split(heading).nth(1).unwrap_or_else(|| panic!("{heading}"));
    let rows =
        below.lines().skip_while(|l| !l.starts_with("|---")).skip(1).take_while(|l| l.starts_with('|'));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    first.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_key_of_the_manual_is_among_those_that_come_back() {
    let written = |all: &[&[&str]], key: &str| {
        all.iter().flat_map(|a| a.iter()).any(|t| t.lines().any(|l| l.starts_with(&format!("{key} = "))))
    };
    let points = documented("### `[[point]]`");
    assert!(points.len() > 25, "{points:?}");
    for key in points.iter().filter(|k| !matches!(k.as_str(), "id" | "limits")) {
        assert!(written(OF_POINT, key), "{key}");
    }
    let limits = documented("A discrete point has `state` on");
    assert!(limits.len() > 15, "{limits:?}");
    for key in limits.iter().filter(|k| *k != "at") {
        assert!(written(OF_LIMIT, key), "{key}");
    }
}

#[test]
fn what_a_sheet_cannot_hold_is_named_by_the_export() {
    let one = profile(
        "# head\n[[point]]\nid = \"a\"\nname = \"-\"\nunit = \"kPa\"\naddress = 40001\n[[point]]\nid = \"a\"\naddress = 40002\n",
    );
    assert_eq!(export("x", &one).lost, ["a", "a.name = \"-\""]);
}

#[test]
fn the_profiles_that_come_with_the_gateway_come_back_from_their_sheets() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder").flatten() {
        if entry.path().extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(entry.path()).expect("a file");
            comes_back(&profile(&text)).unwrap_or_else(|e| panic!("{:?}: {e}", entry.path()));
            count += 1;
        }
    }
    assert!(count > 5);
}
