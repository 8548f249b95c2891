//! `steamward profile`, as the integrator meets it: a sample spreadsheet of each family of devices,
//! real files made by other programs' writers, becomes a profile with no hand edit.

use std::path::{Path, PathBuf};
use std::process::Command;

fn sheets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sheets")
}

/// Runs in `dir`; exit code, standard output, standard error.
fn steamward(dir: &Path, words: &[&str]) -> (i32, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .arg("profile")
        .args(words)
        .current_dir(dir)
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (run.status.code().unwrap_or(-1), text(run.stdout), text(run.stderr))
}

/// Copies a sample beside the output, so that no path is in what is said.
fn sample(dir: &Path, name: &str) {
    std::fs::copy(sheets().join(name), dir.join(name)).expect("the sample is there");
}

/// What the report says that does not hang on which keys the gateway reads by now.
fn steady(said: &str) -> String {
    let moves = |l: &&str| !l.contains("`steamward check` will say") && !l.ends_with("more of that kind");
    said.lines().filter(moves).map(|l| format!("{l}\n")).collect()
}

const SAMPLES: &[(&str, &[&str])] = &[
    ("a-boiler-plc.xlsx", &["--kind", "steam-boiler"]),
    ("b-controller.csv", &["--table", "holding"]),
    ("c-recorder.csv", &[]),
    ("d-power-meter.xlsx", &["--kind", "power-meter"]),
    ("e-electrodes.xls", &[]),
    ("f-analogue-module.ods", &[]),
];

#[test]
fn the_spreadsheet_of_each_family_becomes_a_profile_with_no_hand_edit() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, more) in SAMPLES {
        sample(dir.path(), name);
        let mut words = vec!["import", name, "--out", "p.toml", "--yes"];
        words.extend(*more);
        let (code, said, faults) = steamward(dir.path(), &words);
        assert_eq!((code, faults.as_str()), (0, ""), "{name}: {said}");
        let profile = std::fs::read_to_string(dir.path().join("p.toml")).expect("written");
        let stem = name.split('.').next().unwrap_or(name);
        insta::assert_snapshot!(format!("{stem}-profile"), profile);
        insta::assert_snapshot!(format!("{stem}-report"), steady(&said));
        // The same sheet again changes nothing.
        let (_, said, _) = steamward(dir.path(), &words);
        assert!(said.contains("nothing differs; nothing was written"), "{name}: {said}");
        std::fs::remove_file(dir.path().join("p.toml")).expect("removed");
    }
}

#[test]
fn a_profile_with_every_kind_of_limit_comes_back_from_its_sheet_and_what_does_not_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = "kind = \"steam-boiler\" # ours\n[[state]]\nid = \"idle\"\nbegins = \"not burner_run\"\n\
                [[point]]\nid = \"drum_level\"\nunit = \"mm\"\naddress = 40003\ntype = \"i16\"\nmax_step = 30\n\
                flatline = { after = \"10m\", within = 0.1 }\nshared = true\n[point.limits]\n\
                ll = { at = -75, near = 10, escalate = true, when = \"burner_run\", unless = [\"swell\"], \
                follows = [\"feed.l\"], schedule = [{ from = \"22:00\", to = \"06:00\", at = -50 }], response_time = \"1m\", \
                message = { zh = \"缺水\", en = \"low water\" } }\nno_data = { after = \"5s\" }\n\
                rate = { per = \"min\", h = { at = 3 } }\nnormal = [-30, 30]\n";
    std::fs::write(dir.path().join("p.toml"), text).expect("a file");
    for out in ["x.xlsx", "x.csv", "x.tsv"] {
        let (code, said, faults) = steamward(dir.path(), &["export", "p.toml", "--out", out]);
        assert_eq!((code, faults.as_str()), (0, ""), "{said}");
        assert!(said.contains("and are not in the sheet: 1"), "{said}");
        assert!(!said.contains("does not give back"), "{said}");
        let (code, said, faults) = steamward(dir.path(), &["import", out, "--out", "back.toml", "--yes"]);
        assert_eq!(code, 0, "{out}: {said}{faults}");
        let (code, said, _) = steamward(dir.path(), &["diff", "p.toml", "back.toml"]);
        assert_eq!(code, 0, "{out}: {said}");
        std::fs::remove_file(dir.path().join("back.toml")).expect("removed");
    }
    std::fs::write(dir.path().join("p.csv"), "id,address,type,colour\na,40001,u16,red\n").expect("a file");
    let (_, said, _) = steamward(dir.path(), &["export", "p.csv", "--out", "x.csv"]);
    assert!(said.contains("columns of p.csv that are not used: D `colour`"), "{said}");
    let odd = text.replace("unit = \"mm\"", "unit = \"mm\"\nname = \"-\"");
    std::fs::write(dir.path().join("p.toml"), odd).expect("a file");
    let (_, said, _) = steamward(dir.path(), &["export", "p.toml", "--out", "x.csv"]);
    assert!(said.contains("an import of this sheet does not give back: drum_level.name = \"-\""), "{said}");
}

/// A boiler's list as an integrator has it, in the words of people and not of our presets.
const USUAL_LISTS: [&str; 2] = [
    "名称,寄存器地址,数据类型,字节序,单位,比例\n\
     1#锅炉锅筒压力,40001,FLOAT,CDAB,MPa,\n\
     汽包水位,40003,FLOAT,CDAB,mm,\n\
     给水瞬时流量,40005,FLOAT,CDAB,t/h,\n\
     主蒸汽流量,40007,FLOAT,CDAB,t/h,\n\
     烟气温度,40009,FLOAT,CDAB,℃,\n\
     进水温度,40011,FLOAT,CDAB,℃,\n\
     含氧量,40013,FLOAT,CDAB,%,\n\
     燃烧器运行状态,10001,BOOL,,,\n\
     火焰故障,10002,BOOL,,,\n\
     极低水位报警,10003,BOOL,,,\n",
    "Name,Address,Type,Order,Unit,Scale\n\
     Drum pressure,40001,FLOAT,CDAB,MPa,\n\
     Drum water level,40003,FLOAT,CDAB,mm,\n\
     Feed water flow,40005,FLOAT,CDAB,t/h,\n\
     Main steam flow,40007,FLOAT,CDAB,t/h,\n\
     Flue gas temperature,40009,FLOAT,CDAB,℃,\n\
     Feed water temperature,40011,FLOAT,CDAB,℃,\n\
     Excess oxygen,40013,FLOAT,CDAB,%,\n\
     Burner running,10001,BOOL,,,\n\
     Flame failure,10002,BOOL,,,\n\
     Low-low water level,10003,BOOL,,,\n",
];

#[test]
fn a_list_of_a_usual_boiler_takes_the_presets_without_renaming() {
    for list in USUAL_LISTS {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = "[site]\nid = \"n\"\n[console]\nlisten = \"127.0.0.1:9\"\n[[source.modbus]]\nid = \"plc\"\n\
                        address = \"tcp://192.0.2.1\"\n[[equipment]]\nid = \"b\"\nprofile = \"list\"\nsource = \"plc\"\n\
                        unit = 1\npreset = true\n\
                        nameplate = { pressure = \"1.25 MPa\", working_pressure = \"1.0 MPa\", output = \"10 t/h\", fuel = \"gas\" }\n";
        std::fs::create_dir(dir.path().join("profiles")).expect("a folder");
        std::fs::write(dir.path().join("steamward.toml"), settings).expect("a file");
        std::fs::write(dir.path().join("list.csv"), list).expect("a file");
        let words = ["import", "list.csv", "--kind", "steam-boiler", "--out", "profiles/list.toml", "--yes"];
        let (code, said, faults) = steamward(dir.path(), &words);
        assert_eq!(code, 0, "{said}{faults}");
        let check = Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(["check", "."])
            .current_dir(dir.path())
            .env_clear()
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(check.status.success(), "{said}{}", String::from_utf8_lossy(&check.stderr));
        for (id, limit) in [
            ("steam_pressure", "hh >= 1.25 critical"),
            ("drum_level", "ll <= -75 critical"),
            ("feedwater_flow", "hh >= "),
            ("steam_flow", "hh >= "),
            ("stack_temp", "hh >= 200"),
            ("feedwater_temp", "ll <= 60"),
            ("flue_o2", "ll <= 1"),
            ("flame_fail", "state = 1 critical"),
            ("lwco_electrode", "state = 1 critical"),
        ] {
            let line = said.lines().find(|l| l.trim_start().starts_with(&format!("{id} (")));
            assert!(line.is_some_and(|l| l.contains(limit)), "{id} {limit}:\n{said}");
        }
        assert!(said.contains("burner_run (") && !said.contains("call in every operating state"), "{said}");
    }
}

#[test]
fn a_name_that_means_several_points_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let import = |list: &str, kind: &[&str]| {
        std::fs::write(dir.path().join("list.csv"), list).expect("a file");
        steamward(dir.path(), &[&["import", "list.csv", "--out", "p.toml"], kind].concat()).1
    };
    let list = "名称,寄存器地址,数据类型\n出口压力,40001,UINT16\n";
    let said = import(list, &[]);
    let told = "list.csv!A2: `出口压力` is outlet_pressure or oil_out_pressure, by the kind of equipment: the first was taken";
    assert!(said.contains(told) && said.contains("+ outlet_pressure: "), "{said}");
    let said = import(list, &["--kind", "thermal-oil-heater"]);
    assert!(!said.contains("by the kind") && said.contains("+ oil_out_pressure: "), "{said}");
    let list = "名称,寄存器地址,数据类型\n压力,40001,UINT16\n";
    let said = import(list, &["--kind", "steam-boiler"]);
    assert!(
        said.contains("`压力` is not a usual point of the kind steam-boiler: as pressure it has no presets"),
        "{said}"
    );
    let said = import(list, &["--kind", "air-receiver"]);
    assert!(!said.contains("no usual point") && said.contains("+ pressure: "), "{said}");
    // The kind that the profile has is known when its list is read again.
    std::fs::write(dir.path().join("p.toml"), "kind = \"thermal-oil-heater\"\n").expect("a file");
    let said = import("名称,寄存器地址,数据类型\n出口压力,40001,UINT16\n", &[]);
    assert!(said.contains("+ oil_out_pressure: "), "{said}");
}

#[test]
fn shipped_profiles_and_the_demo_plant_use_the_ids_of_the_dictionary() {
    use steamward::plant::dictionary;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked = 0;
    for folder in ["config/profiles", "src/simulate/plant", "src/simulate/scenario"] {
        for file in std::fs::read_dir(root.join(folder)).expect("a folder").flatten().map(|e| e.path()) {
            if file.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("a file");
            let profile: toml_edit::DocumentMut = text.parse().expect("TOML");
            let kind = profile.get("kind").and_then(|k| k.as_str()).unwrap_or("steam-boiler").to_owned();
            if !dictionary::all().iter().any(|known| known.kinds.contains(&kind.as_str())) {
                continue;
            }
            let points = profile.get("point").and_then(|p| p.as_array_of_tables());
            for point in points.into_iter().flatten() {
                let word = |key: &str| point.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
                let known = dictionary::known(Some(&kind), &word("id"));
                let name = word("name").replace(' ', "");
                let named = known.is_some_and(|k| k.names().any(|n| n == name));
                assert!(named, "{}: {} {}", file.display(), word("id"), word("name"));
                looked += 1;
            }
        }
    }
    assert!(looked > 30, "{looked}");
}

#[test]
fn every_profile_goes_out_as_a_spreadsheet_and_comes_back_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, more) in SAMPLES {
        sample(dir.path(), name);
        let out = format!("{name}.toml");
        let mut words = vec!["import", name, "--out", &out, "--yes"];
        words.extend(*more);
        assert_eq!(steamward(dir.path(), &words).0, 0, "{name}");
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles");
    for entry in std::fs::read_dir(shipped).expect("config/profiles").flatten() {
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).expect("copied");
    }
    let all: Vec<_> =
        std::fs::read_dir(dir.path()).expect("the folder").flatten().map(|e| e.path()).collect();
    let mut checked = 0;
    for path in all {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // The samples themselves are no profiles; a CSV profile is.
        if !(name.ends_with(".toml") || name.starts_with("ai-module")) {
            continue;
        }
        for sheet in ["x.csv", "x.tsv", "x.xlsx"] {
            let (code, said, faults) = steamward(dir.path(), &["export", &name, "--out", sheet]);
            assert_eq!((code, faults.as_str()), (0, ""), "{name}: {said}");
            let (code, said, faults) = steamward(dir.path(), &["diff", &name, sheet]);
            assert_eq!((code, faults.as_str()), (0, ""), "{name} by {sheet}: {said}");
        }
        checked += 1;
    }
    assert!(checked >= 9, "{checked}");
}

#[test]
fn all_problems_of_a_list_are_told_at_once_with_their_cells() {
    let dir = tempfile::tempdir().expect("a folder");
    sample(dir.path(), "bad.csv");
    let (code, said, faults) = steamward(dir.path(), &["import", "bad.csv", "--out", "p.toml", "--yes"]);
    assert_eq!(code, 2);
    assert!(!dir.path().join("p.toml").exists(), "a list with problems writes nothing");
    insta::assert_snapshot!("bad-faults", faults);
    insta::assert_snapshot!("bad-report", steady(&said));
    let skipping = ["import", "bad.csv", "--out", "p.toml", "--yes", "--skip-bad"];
    assert_eq!(steamward(dir.path(), &skipping).0, 0);
    let profile = std::fs::read_to_string(dir.path().join("p.toml")).expect("written");
    assert_eq!(profile.matches("[[point]]").count(), 2, "{profile}");
}

#[test]
fn nothing_is_written_without_a_yes() {
    let dir = tempfile::tempdir().expect("a folder");
    sample(dir.path(), "a-boiler-plc.xlsx");
    let (code, said, _) = steamward(dir.path(), &["import", "a-boiler-plc.xlsx", "--out", "p.toml"]);
    assert_eq!(code, 0);
    assert!(said.ends_with("nothing was written; --yes writes it\n"), "{said}");
    assert!(!dir.path().join("p.toml").exists());
}

#[test]
fn limits_and_comments_added_by_hand_outlive_a_second_import() {
    let dir = tempfile::tempdir().expect("a folder");
    sample(dir.path(), "a-boiler-plc.xlsx");
    let words = ["import", "a-boiler-plc.xlsx", "--out", "p.toml", "--yes"];
    assert_eq!(steamward(dir.path(), &words).0, 0);
    let path = dir.path().join("p.toml");
    let text = std::fs::read_to_string(&path).expect("written");
    let tended = text
        .replace("hh = { at = 1.25 }", "hh = { at = 1.25, deadband = 0.02, latch = true } # trip of the PLC")
        .replace("id = \"flame_fail\"", "id = \"flame_lost\"")
        .replace("range = [0, 400]", "range = [0, 500] # as on the nameplate");
    assert_ne!(text, tended);
    std::fs::write(&path, &tended).expect("written");
    let (code, said, _) = steamward(dir.path(), &words);
    assert_eq!(code, 0);
    assert!(
        said.contains("kept, as the sheet does not mention it: steam_pressure.limits.hh.deadband"),
        "{said}"
    );
    assert!(said.contains("`flame_fail` of the sheet is `flame_lost` of the profile"), "{said}");
    assert!(said.contains("range: [0, 500] → [0, 400]"), "{said}");
    let again = std::fs::read_to_string(&path).expect("written");
    assert_eq!(again, tended.replace("range = [0, 500]", "range = [0, 400]"));
}

#[test]
fn a_second_import_keeps_nothing_that_was_made_for_another_type_or_unit() {
    let dir = tempfile::tempdir().expect("a folder");
    let import = |list: &str| {
        std::fs::write(dir.path().join("list.csv"), list).expect("written");
        let done = steamward(dir.path(), &["import", "list.csv", "--out", "p.toml", "--yes"]);
        (done, std::fs::read_to_string(dir.path().join("p.toml")).expect("there"))
    };
    let head = "名称,寄存器地址,位,数据类型,单位,系数,偏移,无效值,字节序";
    let ((code, ..), _) = import(&format!(
        "{head}\n温度,40001,,INT16,℃,0.1,-40,32767,\n压力,40003,,FLOAT,MPa,,,,CDAB\n流量,40005,,INT16,t/h,0.01,,,\n报警,40010,3,BOOL,,,,,\n"
    ));
    assert_eq!(code, 0);
    let ((code, said, faults), profile) = import(&format!(
        "{head}\n温度,40001,,FLOAT,℃,,,,ABCD\n压力,40003,,FLOAT,MPa,,,,\n流量,40005,,INT16,t/h,,,,\n报警,40010,,UINT16,,,,,\n"
    ));
    assert_eq!((code, faults.as_str()), (0, ""), "{said}");
    assert!(said.contains("dropped, as the type is another now: "), "{said}");
    assert!(!said.contains("read as ABCD"), "the profile has an order for the pressure: {said}");
    for gone in ["scale = 0.1\n", "offset", "32767", "bit = 3", "bool"] {
        assert!(!profile.contains(gone), "{gone}: {profile}");
    }
    assert!(profile.contains("scale = 0.01\n") && profile.contains("order = \"cdab\""), "{profile}");
    // Another unit beside a scale that only the profile has.
    let ((code, _, faults), after) = import(
        "名称,寄存器地址,数据类型,单位\n温度,40001,FLOAT,℃\n压力,40003,FLOAT,MPa\n流量,40005,INT16,kg/h\n报警,40010,UINT16,\n",
    );
    assert!(code == 2 && faults.contains("the sheet changes the unit from t/h to kg/h"), "{faults}");
    assert_eq!(profile, after, "a list with problems writes nothing");
}

/// Exit code, report, problems, and every profile that was written.
fn imported(dir: &Path, name: &str, more: &[&str]) -> String {
    let mut words = vec!["import", name, "--out", "p.toml", "--yes"];
    words.extend(more);
    let (code, said, faults) = steamward(dir, &words);
    let mut text = format!("{name} {}: exit code {code}\n{faults}{}", more.join(" "), steady(&said));
    let mut profiles: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the folder")
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    profiles.sort();
    for path in profiles {
        let profile = std::fs::read_to_string(&path).expect("a profile");
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        text.push_str(&format!("\n== {file}\n{profile}"));
        std::fs::remove_file(path).expect("removed");
    }
    text
}

#[test]
fn lists_as_they_are_met_become_what_they_say_or_a_problem_at_its_cell() {
    let folder = sheets().join("cases");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("tests/sheets/cases")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{names:?}");
    let dir = tempfile::tempdir().expect("a folder");
    for name in names {
        std::fs::copy(folder.join(&name), dir.path().join(&name)).expect("copied");
        let stem = name.split('.').next().unwrap_or(&name);
        insta::assert_snapshot!(format!("case-{stem}"), imported(dir.path(), &name, &["--skip-bad"]));
    }
}

#[test]
fn one_sheet_of_several_takes_no_points_of_the_others_away() {
    let dir = tempfile::tempdir().expect("a folder");
    sample(dir.path(), "e-electrodes.xls");
    let all = ["import", "e-electrodes.xls", "--out", "p.toml", "--yes"];
    assert_eq!(steamward(dir.path(), &all).0, 0);
    let before = std::fs::read_to_string(dir.path().join("p.toml")).expect("written");
    let mut one = all.to_vec();
    one.extend(["--sheet", "DI点表"]);
    let (code, said, _) = steamward(dir.path(), &one);
    assert!(code == 0 && said.contains("kept, as only one sheet was read: circ_pump_1_run"), "{said}");
    let after = std::fs::read_to_string(dir.path().join("p.toml")).expect("there");
    assert_eq!(before, after);
}

#[test]
fn a_list_of_several_stations_is_no_one_profile() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::copy(sheets().join("cases/slave-column.xlsx"), dir.path().join("list.xlsx")).expect("copied");
    let (code, said, _) = steamward(dir.path(), &["import", "list.xlsx", "--out", "p.toml", "--yes"]);
    assert!(code == 0 && said.contains("p-1.toml, p-2.toml, p-3.toml written"), "{said}");
    assert!(!dir.path().join("p.toml").exists(), "no profile of all three");
    assert!(said.contains("unit = 3"), "the lines to paste name each unit: {said}");
    let (code, _, said) = steamward(dir.path(), &["diff", "p-1.toml", "list.xlsx"]);
    assert!(code == 2 && said.contains("a list of 3 stations"), "{said}");
    let (_, said, _) = steamward(dir.path(), &["import", "list.xlsx", "--out", "p.toml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(report["profiles"].as_array().map(Vec::len), Some(3));
    assert_eq!(report["stations"][1]["name"], "液位计");
}

#[test]
fn the_report_is_json_when_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    sample(dir.path(), "bad.csv");
    let (code, said, faults) = steamward(dir.path(), &["import", "bad.csv", "--out", "p.toml", "--json"]);
    assert_eq!((code, faults.as_str()), (2, ""));
    let report: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(report["written"], false);
    assert_eq!(report["faults"].as_array().map(Vec::len), Some(10));
    assert_eq!(report["faults"][0]["row"], 2);
    assert_eq!(report["faults"][0]["column"], "B");
    assert_eq!(report["diff"]["added"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_file_that_is_cut_or_is_something_else_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, _) in SAMPLES {
        let bytes = std::fs::read(sheets().join(name)).expect("the sample is there");
        let ending = name.rsplit('.').next().unwrap_or_default();
        // The last bytes of a ZIP are its directory; those of an old .xls are padding.
        let last = if ending == "xls" { bytes.len() / 4 } else { bytes.len() - 20 };
        for part in [0, 1, 100, bytes.len() / 3, last] {
            let cut = format!("cut.{ending}");
            std::fs::write(dir.path().join(&cut), &bytes[..part.min(bytes.len())]).expect("written");
            let (code, said, faults) = steamward(dir.path(), &["import", &cut, "--out", "p.toml"]);
            assert!(code == 2 || code == 0 && ending == "csv", "{name} to {part}: {code} {said}{faults}");
            assert!(!faults.contains("panicked"), "{name} to {part}: {faults}");
        }
    }
    std::fs::write(dir.path().join("x.pdf"), "x").expect("written");
    let (code, _, faults) = steamward(dir.path(), &["import", "x.pdf"]);
    assert_eq!(code, 2);
    assert!(faults.contains("save it as .xlsx, .xls, .ods, .csv or .tsv"), "{faults}");
    let (code, _, faults) = steamward(dir.path(), &["import", "none.xlsx"]);
    assert_eq!((code, faults.contains("none.xlsx: No such file")), (2, true), "{faults}");
    // An Excel file under a wrong name is read for what it is.
    std::fs::copy(sheets().join("d-power-meter.xlsx"), dir.path().join("wrong.csv")).expect("copied");
    let (code, said, _) = steamward(dir.path(), &["import", "wrong.csv", "--out", "w.toml"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn where_there_is_no_folder_of_profiles_the_option_that_names_it_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let (code, _, said) = steamward(dir.path(), &["export", "gas-boiler", "--out", "x.csv"]);
    assert!(code == 2 && said.contains("there is none; tell the folder with --profiles"), "{code}: {said}");
}
