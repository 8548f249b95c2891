//! A second import: what a person wrote is kept, what the sheet no longer has is dropped.

use super::*;

#[test]
fn what_the_sheet_does_not_mention_is_kept_and_what_it_no_longer_has_is_dropped() {
    let old = "# boiler\nkind = \"steam-boiler\"\n\n# mind the gauge\n[[point]]\nid = \"steam_pressure\" # main\nname = \"压力\"\naddress = 40001\ntype = \"f32\"\n\
               [point.limits]\nhh = { at = 1.25, on_delay = \"3s\", priority = \"critical\" }\n\n\
               [[point]]\nid = \"gone\"\naddress = 40009\n";
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 高高报 | 单位",
        "蒸汽压力 | 40001 | REAL | 1.2 | MPa",
        "水位 | 40003 | REAL | |",
    ]);
    let taken = merge(&profile(old), &found, false);
    let diff = Diff::between(&profile(old), &taken.profile);
    assert_eq!(
        diff.to_string(),
        "+ drum_level: name = \"水位\", address = 40003, type = \"f32\"\n- gone\n~ steam_pressure\n    \
         name: \"压力\" → \"蒸汽压力\"\n    unit: \"MPa\", was not there\n    limits.hh.at: 1.25 → 1.2\n\
         1 added, 1 removed, 1 changed, 0 as before"
    );
    assert_eq!(taken.kept, ["steam_pressure.limits.hh.on_delay", "steam_pressure.limits.hh.priority"]);
    let text = write("p.toml", Some(old), &taken.profile, "").unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(
        text,
        "# boiler\nkind = \"steam-boiler\"\n\n# mind the gauge\n[[point]]\nid = \"steam_pressure\" # main\nname = \"蒸汽压力\"\naddress = 40001\ntype = \"f32\"\nunit = \"MPa\"\n\
         [point.limits]\nhh = { at = 1.2, on_delay = \"3s\", priority = \"critical\" }\n\n\
         [[point]]\nid = \"drum_level\"\nname = \"水位\"\naddress = 40003\ntype = \"f32\"\n"
    );
    assert_eq!(profile(&text), Profile { points: stripped(&taken.profile.points), ..taken.profile.clone() });
    // With `replace` the sheet alone counts.
    let replaced = merge(&profile(old), &found, true).profile;
    assert!(!replaced.points[0].keys.contains_key("limits.hh.on_delay"));
}

/// As they come back from a file: every id is then the file's own.
fn stripped(points: &[Point]) -> Vec<Point> {
    points
        .iter()
        .map(|p| Point { explicit: true, hex: false, ..p.clone() })
        .map(|p| Point { comment: p.comment.clone(), ..p })
        .map(|mut p| {
            if p.id == "steam_pressure" {
                p.comment = Some("mind the gauge".to_owned());
            }
            p
        })
        .collect()
}

#[test]
fn a_point_renamed_by_hand_is_found_again_by_its_register() {
    let old = profile(
        "[[point]]\nid = \"main_steam\"\naddress = 40001\ntype = \"f32\"\n[point.limits]\nh = { at = 1 }\n",
    );
    let found = read_lines(&["名称 | 地址 | 类型", "蒸汽压力 | 40001 | REAL"]);
    let taken = merge(&old, &found, false);
    assert_eq!(taken.renamed, [("main_steam".to_owned(), "steam_pressure".to_owned())]);
    assert_eq!(taken.profile.points.len(), 1);
    assert_eq!(taken.profile.points[0].keys["limits.h.at"], Val::Number(1.0));
}

#[test]
fn limits_go_with_the_signal_and_not_with_the_register_or_a_numbered_id() {
    let old = profile(
        "[[point]]\nid = \"steam_pressure\"\nname = \"蒸汽压力\"\naddress = 40001\n[point.limits]\nh = { at = 1 }\n\
         [[point]]\nid = \"steam_pressure_2\"\nname = \"蒸汽压力\"\naddress = 40003\n[point.limits]\nh = { at = 2 }\n",
    );
    // A row was put in above: the numbers behind the ids shift, the points do not.
    let shifted = read_lines(&["名称 | 地址", "蒸汽压力 | 40005", "蒸汽压力 | 40001", "蒸汽压力 | 40003"]);
    let points = merge(&old, &shifted, false).profile.points;
    let limit =
        |p: &Point| (p.id.clone(), p.keys["address"].cell(), p.keys.get("limits.h.at").map(Val::cell));
    let text = |s: &str| s.to_owned();
    assert_eq!(
        points.iter().map(limit).collect::<Vec<_>>(),
        [
            (text("steam_pressure"), text("40001"), Some(text("1"))),
            (text("steam_pressure_2"), text("40003"), Some(text("2"))),
            (text("steam_pressure_3"), text("40005"), None),
        ]
    );
    // Another signal stands in the register now.
    let other = read_lines(&["名称 | 地址", "排烟温度 | 40001", "蒸汽压力 | 40007"]);
    assert_eq!(
        merge(&old, &other, false).profile.points.iter().map(limit).collect::<Vec<_>>(),
        [(text("steam_pressure"), text("40007"), Some(text("1"))), (text("stack_temp"), text("40001"), None),]
    );
}

#[test]
fn while_rows_cannot_be_read_no_point_is_dropped() {
    let old = profile("[[point]]\nid = \"a\"\naddress = 40001\n[[point]]\nid = \"b\"\naddress = 40002\n");
    let found = read_lines(&["标识 | 名称 | 地址", "a | 甲 | 40001", "b | 乙 | 40O02"]);
    let taken = merge(&old, &found, false);
    assert_eq!(taken.profile.points.len(), 2);
    assert_eq!(taken.kept, ["b"]);
}

#[test]
fn references_follow_a_point_that_was_renamed_by_hand() {
    let old = profile("[[point]]\nid = \"ct\"\nname = \"电流变比\"\naddress = 40001\n");
    let found = read_lines(&["名称 | 地址 | 乘以", "电流变比 | 40001 |", "电流 | 40002 | 电流变比"]);
    let taken = merge(&old, &found, false);
    assert_eq!(taken.renamed, [("ct".to_owned(), "ct_ratio".to_owned())]);
    assert_eq!(taken.profile.points[1].keys["times"].to_string(), "[\"ct\"]");
}

#[test]
fn a_current_loop_takes_the_place_of_an_older_scale() {
    let old = profile("[[point]]\nid = \"a\"\naddress = 40001\nscale = 0.1\noffset = -5\nunit = \"%\"\n");
    let found = read_lines(&[
        "标识 | 地址 | 类型 | 信号类型 | 原始下限 | 原始上限 | 量程下限 | 量程上限",
        "a | 40001 | UINT16 | 4-20mA | 4000 | 20000 | 0 | 100",
    ]);
    let keys = &merge(&old, &found, false).profile.points[0].keys;
    assert_eq!(keys["loop"].to_string(), "{ raw = [4000, 20000], range = [0, 100] }");
    assert!(!keys.contains_key("scale") && !keys.contains_key("offset") && keys.contains_key("unit"));
}

#[test]
fn reading_the_same_sheet_twice_changes_nothing() {
    let lines = [
        "名称 | 地址 | 类型 | 系数 | 高报",
        "蒸汽压力 | 40001 | INT16 | 0.01 | 1.2",
        "排烟温度 | 40002 | INT16 | 0.1 | 170",
    ];
    let first = merge(&Profile::default(), &read_lines(&lines), false).profile;
    let text = write("p.toml", None, &first, "# head\n").unwrap_or_else(|f| panic!("{f}"));
    let again = merge(&profile(&text), &read_lines(&lines), false);
    assert!(Diff::between(&profile(&text), &again.profile).is_empty());
    assert_eq!(write("p.toml", Some(&text), &again.profile, "").unwrap_or_default(), text);
}

#[test]
fn a_scale_goes_with_the_type_it_was_made_for() {
    let old = profile(
        "[[point]]\nid = \"temp\"\nname = \"温度\"\nunit = \"℃\"\naddress = 40001\ntype = \"i16\"\nscale = 0.1\noffset = -40\n\
         sentinels = [32767]\nlimits.h.at = 90\n\
         [[point]]\nid = \"alarm\"\nname = \"报警\"\nunit = \"bool\"\naddress = 40010\nbit = 3\nlimits.state.at = 1\n",
    );
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 单位 | 系数 | 偏移 | 字节序",
        "温度 | 40001 | FLOAT | ℃ | | | ABCD",
        "报警 | 40010 | UINT16 | | | |",
    ]);
    let taken = merge(&old, &found, false);
    let keys = &taken.profile.points[0].keys;
    assert!(
        !keys.contains_key("scale") && !keys.contains_key("offset") && !keys.contains_key("sentinels"),
        "{keys:?}"
    );
    assert_eq!(keys["limits.h.at"], Val::Number(90.0));
    let keys = &taken.profile.points[1].keys;
    assert!(
        !keys.contains_key("bit") && !keys.contains_key("unit") && !keys.contains_key("limits.state.at"),
        "{keys:?}"
    );
    assert_eq!(
        taken.dropped,
        ["temp.offset", "temp.scale", "temp.sentinels", "alarm.limits.state.at", "alarm.unit"]
    );
}

#[test]
fn a_new_unit_converts_range_and_limits_and_asks_for_the_scale() {
    let old = |more: &str| {
        profile(&format!(
            "[[point]]\nid = \"p\"\nname = \"压力\"\nunit = \"MPa\"\naddress = 40003\ntype = \"f32\"\nrange = [0, 2.5]\n{more}\
             [point.limits]\nh = {{ at = 1.25, deadband = 0.02 }}\n"
        ))
    };
    let found =
        read_lines(&["标识 | 名称 | 地址 | 类型 | 单位 | 字节序", "p | 压力 | 40003 | FLOAT | kPa | ABCD"]);
    let taken = merge(&old(""), &found, false);
    let keys = &taken.profile.points[0].keys;
    assert_eq!(keys["range"].to_string(), "[0, 2500]");
    assert_eq!(
        (keys["limits.h.at"].cell(), keys["limits.h.deadband"].cell()),
        ("1250".to_owned(), "20".to_owned())
    );
    let taken = merge(&old("scale = 0.001\n"), &found, false);
    assert!(
        told(&taken.faults)[0].starts_with("p.scale: the sheet changes the unit from MPa to kPa"),
        "{:?}",
        taken.faults
    );
    assert_eq!(taken.profile.points[0].keys["unit"].cell(), "MPa");
    let other =
        read_lines(&["标识 | 名称 | 地址 | 类型 | 单位 | 字节序", "p | 压力 | 40003 | FLOAT | ℃ | ABCD"]);
    assert_eq!(merge(&old(""), &other, false).faults.len(), 1);
    // Another spelling is the same unit.
    let same =
        read_lines(&["标识 | 名称 | 地址 | 类型 | 单位 | 字节序", "p | 压力 | 40003 | FLOAT | 兆帕 | ABCD"]);
    assert!(merge(&old("scale = 0.001\n"), &same, false).faults.is_empty());
}
