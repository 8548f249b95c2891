//! `steamward check`, as the integrator meets it: broken folders, and every shipped sample.

use std::path::Path;
use std::process::Command;

fn check(dir: &Path) -> (i32, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .arg("check")
        .arg(dir.file_name().unwrap_or_default())
        .current_dir(dir.parent().unwrap_or(dir))
        .env_clear()
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (run.status.code().unwrap_or(-1), text(run.stdout), text(run.stderr))
}

#[test]
fn every_broken_folder_is_refused_with_file_line_key_and_remedy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).expect("tests/broken").flatten().map(|e| e.file_name()).collect();
    names.sort();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        let (code, _, said) = check(&folder.join(&name));
        assert_eq!(code, 2, "{name:?}: {said}");
        insta::assert_snapshot!(name.to_string_lossy().into_owned(), said);
    }
}

#[test]
fn the_shipped_example_is_good_and_described() {
    let (code, said, faults) = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"));
    assert_eq!(code, 0, "{faults}");
    insta::assert_snapshot!("shipped-example", said);
}

#[test]
fn columns_of_a_spreadsheet_tell_what_to_know_and_do_on_either_side() {
    let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
    let load = |csv: &str| steamward::settings::load_texts(&[("t.toml", settings)], &[("p.csv", csv)], &[]);
    let csv = "id,address,unit,l,h,state,priority_state,message,consequence,consequence_en,consequence_low,\
               response_en,response_time_s\n\
               level,1,mm,-50,50,,,\"{name} \"\"{value}\"\"\",带水,carry-over,缺水,\"close feed, drain\",90\n\
               flame,2,bool,,,1,medium,,,,,purge,\n";
    let points = load(csv).expect("good").settings.plant.points;
    let told = |point: usize, limit: usize| points[point].limits[limit].guidance.clone().expect("told");
    let (low, high) = (told(0, 0), told(0, 1));
    let consequence = |g: &steamward::plant::guidance::Guidance| g.consequence.clone().expect("told");
    assert_eq!((consequence(&low).zh.as_str(), consequence(&low).en.as_str()), ("缺水", "缺水"));
    assert_eq!((consequence(&high).zh.as_str(), consequence(&high).en.as_str()), ("带水", "carry-over"));
    assert_eq!(low.response.as_ref().map(|r| r.en.as_str()), Some("close feed, drain"));
    assert_eq!(low.response_time, Some(std::time::Duration::from_secs(90)));
    assert_eq!(high.message.as_ref().map(|m| m.zh.as_str()), Some("{name} \"{value}\""));
    let flame = &points[1].limits[0];
    assert_eq!((flame.at, flame.priority.word()), (1.0, "medium"));
    assert_eq!(told(1, 0).response.as_ref().map(|r| r.zh.as_str()), Some("purge"));

    let faults = load("id,address,h,message\nx,1,5,{wert}\n").expect_err("an unknown placeholder");
    assert!(
        faults.to_string().contains("p.csv:2:1") && faults.to_string().contains("{priority}"),
        "{faults}"
    );
    let faults = load("id,address,h,priority_x\nx,1,5,low\n").expect_err("no such limit");
    assert!(faults.to_string().contains("unknown key `priority_x`"), "{faults}");
}

#[test]
fn presets_are_listed_by_kind_for_people_and_for_programs() {
    let presets = |arguments: &[&str]| {
        let run =
            Command::new(env!("CARGO_BIN_EXE_steamward")).arg("presets").args(arguments).env_clear().output();
        let run = run.expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (run.status.code(), text(&run.stdout), text(&run.stderr))
    };
    let (code, said, _) = presets(&["autoclave"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("door_open_with_pressure") && !said.contains("drum_level"), "{said}");
    let (code, said, _) = presets(&["steam-boiler", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let level =
        rows.as_array().into_iter().flatten().find(|r| r["point"] == "drum_level").expect("there is one");
    assert_eq!((code, &level["ll"], &level["normal_high"]), (Some(0), &(-75.0).into(), &30.0.into()));
    assert!(level["response_low_en"].as_str().is_some_and(|r| r.starts_with("stop firing")), "{level}");
    let (code, _, fault) = presets(&["kettle"]);
    assert_eq!(code, Some(2));
    assert!(fault.contains("steam-boiler") && fault.contains("storage-sphere"), "{fault}");
}

#[test]
fn every_shipped_profile_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles");
    let files: Vec<_> =
        std::fs::read_dir(folder).expect("config/profiles").flatten().map(|e| e.path()).collect();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let profile = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (source, place) =
            if profile.ends_with("mqtt") { ("broker", "topic = \"t\"") } else { ("plc", "unit = 1") };
        let settings = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
             [[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://192.0.2.1\"\n\
             [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"{profile}\"\nsource = \"{source}\"\n{place}\n"
        );
        let loaded = steamward::settings::load_texts(&[("t.toml", &settings)], &[(&name, &text)], &[]);
        assert!(loaded.is_ok(), "{name}: {}", loaded.err().map(|e| e.to_string()).unwrap_or_default());
    }
}

#[test]
fn the_environment_wins_and_reaches_entries_by_id() {
    let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc-1\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"plc-1\"\nunit = 1\n";
    let profile = "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n";
    let env = |key: &str, value: &str| [(key.to_owned(), value.to_owned())];
    let load = |env: &[(String, String)]| {
        steamward::settings::load_texts(&[("t.toml", settings)], &[("p.toml", profile)], env)
    };
    let loaded =
        load(&env("STEAMWARD__SOURCE__MODBUS__PLC_1__ADDRESS", "tcp://192.0.2.9:1502")).expect("good");
    assert_eq!(loaded.settings.modbus[0].transport.address().as_str(), "tcp://192.0.2.9:1502");
    let faults = load(&env("STEAMWARD__STORE__KEEEP", "5d")).expect_err("unknown key");
    assert!(faults.to_string().contains("environment STEAMWARD__STORE__KEEEP"), "{faults}");
}

#[test]
fn files_of_conf_d_join_and_a_second_owner_of_an_id_is_refused() {
    let main = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                [[equipment]]\nid = \"a\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
    let more = "[[equipment]]\nid = \"b\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 2\n";
    let profile = [("p.toml", "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n")];
    let loaded =
        steamward::settings::load_texts(&[("m.toml", main), ("c.toml", more)], &profile, &[]).expect("good");
    let ids: Vec<_> = loaded.settings.plant.equipment.iter().map(|e| e.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["a", "b"]);
    let twice = [("m.toml", main), ("c.toml", more), ("d.toml", more)];
    let faults = steamward::settings::load_texts(&twice, &profile, &[]).expect_err("twice");
    assert!(
        faults.to_string().contains("d.toml:2:1") && faults.to_string().contains("c.toml:2:1"),
        "{faults}"
    );
}

#[test]
fn a_limit_over_a_profiles_own_changes_what_is_written_and_keeps_the_rest() {
    let profile = "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n\
                   limits = { ll = { at = -75, deadband = 5, on_delay = \"3s\", latch = true, hazard = \"major\" } }\n";
    let load = |limits: &str| {
        let settings = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
             [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\nlimits.x = {{ {limits} }}\n"
        );
        steamward::settings::load_texts(&[("t.toml", &settings)], &[("p.toml", profile)], &[])
    };
    let loaded = load("ll = { at = -80 }").expect("good");
    let limit = &loaded.settings.plant.points[0].limits[0];
    assert_eq!((limit.at, limit.deadband, limit.latch), (-80.0, 5.0, true));
    assert_eq!(limit.hazard, Some(steamward::plant::HazardLevel::Major), "the hazard got lost");
    let loaded = load("ll = { hazard = \"none\" }").expect("good");
    assert_eq!(loaded.settings.plant.points[0].limits[0].hazard, None);
    let loaded = load("ll = false").expect("good");
    assert!(loaded.settings.plant.points[0].limits.is_empty());
    let faults = load("h = { deadband = 2 }").expect_err("no setpoint from anywhere");
    assert!(faults.to_string().contains("limits.x.h.at: missing"), "{faults}");
    let after = |limits: &str| {
        let no_data = load(limits).expect("good").settings.plant.points[0].no_data.clone();
        no_data.map(|n| (n.after.as_secs(), n.priority.word()))
    };
    assert_eq!(after("no_data = { priority = \"low\" }"), Some((10, "low")));
    assert_eq!(after("no_data = { after = \"40s\" }"), Some((40, "medium")));
    assert_eq!(after("no_data = false"), None);
}

#[test]
fn a_number_in_the_environment_may_be_meant_as_a_text() {
    let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
    let profile = [("p.toml", "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n")];
    let env = [("STEAMWARD__SITE__REGION".to_owned(), "370102".to_owned())];
    let loaded = steamward::settings::load_texts(&[("t.toml", settings)], &profile, &env).expect("good");
    assert_eq!(loaded.settings.plant.site.region.as_deref(), Some("370102"));
}

#[test]
fn a_spreadsheet_with_semicolons_and_an_unknown_column_is_told_from_nonsense() {
    let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
    let load = |csv: &str| steamward::settings::load_texts(&[("t.toml", settings)], &[("p.csv", csv)], &[]);
    let loaded = load("\u{feff}id;name;address;type\nx;水位;40001;i16\n").expect("good");
    assert_eq!(loaded.settings.plant.points[0].name.zh, "水位");
    let faults = load("id,名称,address\nx,水位,40001\n").expect_err("unknown column");
    assert!(
        faults
            .to_string()
            .starts_with("p.csv:1:4: the heading `名称` is not a key of a profile; write name."),
        "{faults}"
    );
    let faults = load("id,address,furlong\nx,40001,3\n").expect_err("unknown column");
    assert!(
        faults.to_string().contains("p.csv:2:1") && faults.to_string().contains("unknown key `furlong`"),
        "{faults}"
    );
}

#[test]
fn a_cell_of_a_spreadsheet_is_a_value_and_never_writes_keys_of_its_own() {
    let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
    let load = |csv: &str| steamward::settings::load_texts(&[("t.toml", settings)], &[("p.csv", csv)], &[]);

    let good =
        load("id,address,type,scale,invert,h,deadband\nwater,0007,u16,.5,,+80,02\nlow,8,bool,,FALSE,,\n")
            .expect("numbers as spreadsheets write them");
    let water = &good.settings.plant.points[0];
    assert_eq!((water.limits[0].at, water.limits[0].deadband), (80.0, 2.0));

    for (cell, key) in [("\"80, priority = 'low'\"", "h"), ("8O", "h"), ("(8#", "h"), ("\"8\n0\"", "h")] {
        let faults = load(&format!("id,address,type,h\nwater,7,u16,{cell}\n")).expect_err(cell);
        let fault = &faults.0[0];
        assert_eq!((fault.place.file.as_str(), fault.place.line), ("p.csv", 2), "{cell}: {faults}");
        assert!(fault.key.contains(key) && !fault.problem.contains("not TOML"), "{cell}: {faults}");
    }
}

#[test]
fn a_file_that_is_nonsense_from_its_first_letter_is_refused_with_its_place() {
    let nonsense = include_str!("../fuzz/seeds/settings/key-without-value");
    let faults = steamward::settings::load_texts(&[("t.toml", nonsense)], &[], &[]).expect_err("nonsense");
    assert!(faults.0.iter().any(|f| f.place.file == "t.toml" && f.place.line == 1), "{faults}");
}

const TWO: &str = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
    [[equipment]]\nid = \"a\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n\
    [[equipment]]\nid = \"b\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 2\n";

/// The faults of these files, one a line.
fn told(files: &[(&str, &str)], profile: &str) -> Vec<String> {
    let loaded = steamward::settings::load_texts(files, &[("p.toml", profile)], &[]);
    loaded.expect_err("faults").0.iter().map(ToString::to_string).collect()
}

#[test]
fn a_fault_in_a_value_that_a_later_file_overrides_names_the_file_that_counts() {
    let profile = "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n";
    for (later, begins) in [
        ("[equipment.b]\nunit = 999\n", "c.toml:2:1: equipment.b.unit"),
        ("[source.modbus.plc]\nperiod = \"soon\"\n", "c.toml:2:1: source.modbus.plc.period"),
        (
            "[equipment.a]\nlimits = { x = { h = { at = 1 }, l = { at = 2 } } }\n",
            "c.toml:2:40: equipment.a.limits.x.l.at",
        ),
        ("[site]\nid = \"no id\"\n", "c.toml:2:1: site.id"),
    ] {
        let said = told(&[("m.toml", TWO), ("c.toml", later)], profile);
        assert!(said.len() == 1 && said[0].starts_with(begins), "{later}: {said:?}");
    }
    // What the later file does not touch is told where it stands.
    let said =
        told(&[("m.toml", TWO), ("c.toml", "[equipment.b]\nofficer = \"x\"\nunit = 2\nfoo = 1\n")], profile);
    assert!(said.len() == 1 && said[0].starts_with("c.toml:4:1"), "{said:?}");
}

#[test]
fn a_fault_in_a_profiles_limits_is_told_once_and_at_the_profiles_line() {
    for (limits, begins) in [
        ("l = { at = 5 }\nh = { at = 3 }", "p.toml:7:7: point.0.limits.h.at: l = 5 is not below h = 3"),
        ("h = { at = 9, deadband = 99 }", "p.toml:6:15: point.0.limits.h.deadband: with a deadband of 99"),
        ("h = { at = 99 }", "p.toml:6:7: point.0.limits.h.at: h = 99 is not below range high = 10"),
        ("h = { at = 5, when = \"y\" }", "p.toml:6:15: point.0.limits.h.when: there is no point `y`"),
        ("h = { at = 5, follows = [\"y.h\"] }", "p.toml:6:15: point.0.limits.h.follows: there is no limit"),
        (
            "normal = [1, 6]\nh = { at = 5 }",
            "p.toml:7:7: point.0.limits.h.at: h = 5 is within normal operation",
        ),
    ] {
        let profile =
            format!("kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n[point.limits]\n{limits}\n[[point]]\nid = \"z\"\naddress = 40002\n")
                .replace("address = 40001", "address = 40001\nrange = [0, 10]");
        let begins = shifted(begins);
        let said = told(&[("m.toml", TWO)], &profile);
        assert!(said.len() == 1 && said[0].starts_with(&begins), "{limits}: {said:?}");
    }
    let profile =
        "kind = \"k\"\n[modbus]\nmax_registers = 1\n[[point]]\nid = \"x\"\naddress = 40001\ntype = \"f32\"\n";
    let said = told(&[("m.toml", TWO)], profile);
    assert!(said.len() == 1 && said[0].starts_with("p.toml:3:1: modbus.max_registers: "), "{said:?}");
    // What one piece of equipment adds is told there.
    let profile = "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\nlimits = { h = { at = 3 } }\n";
    let own = format!("{TWO}[equipment.limits.x]\nl = {{ at = 5 }}\n");
    let said = told(&[("m.toml", &own)], profile);
    assert!(said.len() == 1 && said[0].starts_with("m.toml:17:7: equipment.b.limits.x.l.at"), "{said:?}");
}

/// One line further down: `range` stands above the limits.
fn shifted(begins: &str) -> String {
    let mut parts = begins.splitn(3, ':');
    let (file, line) = (parts.next().unwrap_or_default(), parts.next().and_then(|l| l.parse::<usize>().ok()));
    format!("{file}:{}:{}", line.unwrap_or_default() + 1, parts.next().unwrap_or_default())
}

#[test]
fn a_profile_with_a_fault_adds_no_faults_to_the_equipment_that_uses_it() {
    let using = format!(
        "{TWO}[equipment.limits.x]\nl = {{ at = 1 }}\n[[equipment.derived]]\nid = \"twice\"\nunit = \"mm\"\n\
         formula = \"x * 2\"\n[[equipment.state]]\nid = \"off\"\nwhen = \"x > 3 mm\"\nsuppress = [\"x.l\"]\n"
    );
    let point = |id: &str| format!("[[point]]\n{id} = \"x\"\nunit = \"mm\"\naddress = 40001\n");
    for (profile, begins) in [
        (format!("kind = \"k\"\n{}", point("ident")), "p.toml:2:1: point.0.id: missing"),
        (format!("kind = 7\n{}", point("id")), "p.toml:1:1: kind: this is an integer"),
        (format!("kind = \"k\"\nkind = \"k\"\n{}", point("id")), "p.toml:2:1: not TOML: "),
        (point("id").replace("[[point]]", "[[points]]"), "p.toml:1:3: points: unknown key `points`"),
    ] {
        let said = told(&[("m.toml", &using)], &profile);
        let of_settings = said.iter().any(|s| s.starts_with("m.toml"));
        assert!(said[0].starts_with(begins) && !of_settings, "{profile}: {said:?}");
    }
    // A torn main file says nothing of what it seems to lack.
    let said = told(&[("m.toml", "[site]\n[site]\n"), ("c.toml", &TWO[16..])], &point("id"));
    assert!(said.iter().all(|s| !s.contains("there is no source")), "{said:?}");
}
