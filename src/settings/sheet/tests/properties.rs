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
        let imported = import(&[export("p", &profile)], &Options::default());
        prop_assert_eq!(told(&imported.faults), Vec::<String>::new());
        let back = merge(&Profile::default(), &imported, false).profile;
        let diff = Diff::between(&profile, &back);
        prop_assert!(diff.is_empty(), "{}", diff);
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
