//! The command line in Chinese: chosen by `--lang`, the settings or the environment; and how much of it there is.

use std::path::{Path, PathBuf};
use std::process::Command;

use steamward::tongue::in_chinese;

/// Files and folders of `src` whose texts people are told on the command line.
const TOLD: &[&str] = &[
    "cli",
    "settings",
    "derive/formula",
    "derive/names.rs",
    "field/modbus/survey",
    "field/modbus/link/error.rs",
    "field/modbus/unit/take.rs",
    "field/mqtt/sparkplug/members.rs",
    "field/mqtt/sparkplug/mod.rs",
    "field/mqtt/sparkplug/structure.rs",
    "audit",
    "outlet/influx/setup.rs",
    "plant/id.rs",
    "plant/texts.rs",
    "plant/unit/table.rs",
];

/// What stands there and is not told: words that lists are read by, formulas, names in both languages, the usage of functions.
const READ: &[&str] = &[
    "settings/presets/states.rs",
    "settings/sheet/lists",
    "settings/sheet/order.rs",
    "derive/formula/functions.rs",
];

/// Single texts that are not told: words of lists, keys of a profile, lines of the log, reasons of an `expect`.
const NOT_TOLD: &[&str] = &[
    "the keeper has not moved for 6 s: nothing is judged",
    "the keeper has not moved for 30 s: the gateway ends, to be started again",
    "low water",
    "high water",
    "no flow",
    "ab cd",
    "cd ab",
    "ba dc",
    "dc ba",
    "no alarm",
    "not normal",
    "function code",
    "kind, table, address_base, order, modbus.…, shape, time, topic",
    "slave address",
    "slave id",
    "node id",
    "modbus id",
    "station no.",
    "station number",
    "do not use",
    "a preset's paths are good",
    "fewer inputs than 2^16",
    "decimals from",
    "bits {low}..{high} of {kind}{}",
    "string gbk",
    "type = \"{}\", order = \"{}\"",
    "{{ table = \"{}\", from = {}, to = {} }},",
    "{{ table = \"{table}\", from = 0, to = 65535 }}",
    "demo fault switched by hand",
    "ended early by a signal",
    "asked to read the settings again",
    "the keeper has not moved for 6 s",
    "no connection within",
    "no route",
    "permission denied",
    "no such file",
    "talks without end",
];

fn run(arguments: &[&str], env: &[(&str, &str)], dir: &Path) -> (i32, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (run.status.code().unwrap_or(-1), text(run.stdout), text(run.stderr))
}

fn broken() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

#[test]
fn the_language_is_that_of_the_option_then_the_settings_then_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |language: &str| {
        let text = format!("[site]\nid = \"n\"\n{language}\n[[equipment]]\nid = \"a\"\nkind = \"k\"\n");
        std::fs::create_dir_all(folder.path().join("config")).expect("a folder");
        std::fs::write(folder.path().join("config/steamward.toml"), text).expect("a file");
    };
    let is_chinese = |arguments: &[&str], env: &[(&str, &str)]| {
        let (code, _, said) = run(arguments, env, folder.path());
        assert_eq!(code, 2, "{said}");
        let chinese = said.contains("处错误；没有启动任何东西") && said.contains("缺少；请写 profile");
        assert!(chinese || said.contains("faults in the settings; nothing was started"), "{said}");
        chinese
    };
    let (zh, en) = (("LANG", "zh_CN.UTF-8"), ("LANG", "en_US.UTF-8"));
    write("");
    assert!(!is_chinese(&["check"], &[]));
    assert!(is_chinese(&["check"], &[zh]));
    assert!(!is_chinese(&["check"], &[zh, ("LC_ALL", "C.UTF-8")]));
    assert!(is_chinese(&["--lang", "zh", "check"], &[en]));
    assert!(!is_chinese(&["check", "--lang=en"], &[zh]));
    write("language = \"zh\"");
    assert!(is_chinese(&["check"], &[en]));
    assert!(!is_chinese(&["check", "--lang", "en"], &[]));
    write("language = \"en\"");
    assert!(!is_chinese(&["check"], &[zh]));
}

#[test]
fn faults_and_help_are_told_in_chinese() {
    let (_, _, said) = run(&["check", "--lang", "zh", "10-many-at-once"], &[], &broken());
    insta::assert_snapshot!("faults-in-chinese", said);
    let (_, _, said) = run(&["check", "--lang", "zh", "31-full-width-brackets-and-digits"], &[], &broken());
    insta::assert_snapshot!("slips-in-chinese", said);
    let (code, said, _) = run(&["--lang", "zh", "--help"], &[], &broken());
    assert_eq!(code, 0);
    for word in ["锅炉和压力容器的边缘网关", "用法：", "命令", "读取配置", "选项", "显示帮助", "显示版本"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    let (code, _, said) = run(&["--lang", "zh", "chekc"], &[], &broken());
    assert!(code == 2 && said.contains("错误：不认识的命令 'chekc'"), "{said}");
    let (code, _, said) = run(&["--lang", "fr", "check"], &[], &broken());
    assert!(code == 2 && said.contains("`fr` is not a language that is here"), "{said}");
}

#[test]
fn a_first_folder_is_written_from_five_answers_and_passes_the_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let init = |arguments: &[&str]| run(&[&["init"], arguments].concat(), &[], folder.path());
    let (code, _, said) = init(&["new"]);
    assert!(code == 2 && said.contains("--site is missing") && said.contains("--yes"), "{said}");
    assert!(!folder.path().join("new").exists());

    let all = [
        "new",
        "--site",
        "东区 \"A\"",
        "--kind",
        "steam-boiler",
        "--name",
        "2# 锅炉",
        "--address",
        "serial:///dev/ttyS1?baud=9600&parity=none",
        "--unit",
        "7",
    ];
    let (code, said, faults) = init(&all);
    assert_eq!(code, 0, "{faults}");
    assert!(
        said.contains("nothing is read yet: there are no points in new/profiles/steam-boiler.toml"),
        "{said}"
    );
    assert!(said.contains("new/steamward.toml written") && said.contains("steamward check new"), "{said}");
    let (code, said, faults) = run(&["check", "new"], &[], folder.path());
    assert_eq!(code, 0, "{faults}");
    assert!(said.contains("site site (东区 \"A\""), "{said}");
    // Nothing is good as long as nothing is read: what is missing is said, and the command that brings it.
    assert!(said.contains("settings load, but nothing is read yet; 1 warning"), "{said}");
    let profile = "profiles/steam-boiler.toml";
    assert!(said.contains(&format!("{profile} has no points: nothing of this equipment is read")), "{said}");
    assert!(
        said.contains("steamward profile import LIST.xlsx --out new/profiles/steam-boiler.toml"),
        "{said}"
    );
    // Nothing that is there is touched.
    let (code, _, said) = init(&all);
    assert!(code == 2 && said.contains("is there already"), "{said}");

    let (code, ..) = init(&["proposed", "--yes"]);
    assert_eq!((code, run(&["check", "proposed"], &[], folder.path()).0), (0, 0));
    for (flag, value, told) in [
        ("--address", "192.168.1.300", "192.168.1.300"),
        ("--kind", "Steam Boiler", "--kind: "),
        ("--unit", "300", "300"),
    ] {
        let (code, _, said) = init(&["bad", "--yes", flag, value]);
        assert!(code == 2 && said.contains(told), "{flag}: {said}");
        assert!(!folder.path().join("bad").exists(), "{flag}");
    }
}

#[test]
fn the_points_of_a_first_folder_load_when_their_marks_are_taken_away() {
    let folder = tempfile::tempdir().expect("a folder");
    for kind in ["steam-boiler", "air-receiver", "kettle"] {
        let (code, _, said) = run(&["init", kind, "--yes", "--kind", kind], &[], folder.path());
        assert_eq!(code, 0, "{said}");
        let profile = folder.path().join(kind).join(format!("profiles/{kind}.toml"));
        let text = std::fs::read_to_string(&profile).expect("a profile");
        let (head, points) = text.split_once("\n# [[point]]").expect("points");
        let points = format!("[[point]]{points}").replace("\n# ", "\n");
        // Each at a register of its own.
        let mut next = 0;
        let points: Vec<String> = points
            .lines()
            .map(|line| match line.strip_prefix("address = ").and_then(|n| n.parse::<u32>().ok()) {
                Some(number) => {
                    next += 1;
                    format!("address = {}", number + next)
                }
                None => line.to_owned(),
            })
            .collect();
        std::fs::write(&profile, format!("{head}\n{}\n", points.join("\n"))).expect("written");
        let (code, said, faults) = run(&["check", kind], &[], folder.path());
        assert!(code == 0 && said.contains("(") && next > 0, "{kind}: {said}{faults}");
    }
}

/// The text literals of code, without comments and tests; `{…}` of formats become `{}`.
fn sentences(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = code.chars().peekable();
    let mut line = String::new();
    while let Some(c) = rest.next() {
        line.push(c);
        match c {
            '\n' => line.clear(),
            '/' if rest.peek() == Some(&'/') => while rest.next().is_some_and(|c| c != '\n') {},
            '\'' => {
                // A letter in quotes, not a lifetime.
                let ahead: Vec<char> = rest.clone().take(3).collect();
                let length = match ahead[..] {
                    ['\\', _, '\''] => 3,
                    [_, '\'', ..] => 2,
                    _ => 0,
                };
                for _ in 0..length {
                    rest.next();
                }
            }
            'r' if rest.peek() == Some(&'#') && rest.clone().find(|c| *c != '#') == Some('"') => {
                let marks = rest.by_ref().take_while(|c| *c == '#').count();
                let end = format!("\"{}", "#".repeat(marks));
                let mut text = String::new();
                while !text.ends_with(&end) {
                    let Some(c) = rest.next() else { break };
                    text.push(c);
                }
                found.push(text.trim_end_matches(&end).to_owned());
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    match (c, rest.peek()) {
                        ('\\', Some('\n')) => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                        ('\\', Some('n')) => text.push(if rest.next().is_some() { '\n' } else { ' ' }),
                        ('\\', _) => text.extend(rest.next()),
                        _ => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

/// With `…x…` for what differs.
fn template(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        // `{name:>8}`; other braces stand for themselves.
        let hole = after.split_once('}').filter(|(hole, _)| {
            let name = hole.split(':').next().unwrap_or_default();
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        });
        plain.push_str(if hole.is_some() { "…x…" } else { "{" });
        rest = hole.map_or(after, |(_, after)| after).to_owned();
    }
    (plain + &rest).replace('\u{1}', "{").replace('\u{2}', "}")
}

/// Two words of plain English or more, and not a line that begins in Chinese because it is told in both languages.
fn is_a_sentence(text: &str) -> bool {
    let word = |word: &&str| {
        let bare = word.trim_matches([',', ';', ':', '.', '?', '!', '(', ')', '…']);
        bare.len() > 1 && bare.chars().all(|c| c.is_ascii_lowercase() || c == '\'' || c == '-')
    };
    let begins = text.chars().next().unwrap_or(' ');
    // `10 分钟最多 most in 10 min` is told in both languages at once.
    let is_both =
        ('\u{4e00}'..='\u{9fff}').contains(&begins) || text.contains(" 分钟") || text.contains(" 小时");
    text.split_whitespace().filter(word).count() >= 2 && !is_both
}

/// Every file under these paths of `src`.
fn files(root: &Path, paths: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).expect("a folder").flatten().map(|e| e.path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_help_of_every_command_is_in_chinese() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = |command: &[&str]| {
        let (code, said, _) = run(&[&["--lang", "zh"], command, &["--help"]].concat(), &[], folder.path());
        assert_eq!(code, 0, "{command:?}");
        said
    };
    let mut without = Vec::new();
    for command in [
        &[][..],
        &["run"],
        &["check"],
        &["init"],
        &["reload"],
        &["demo"],
        &["ledger"],
        &["ledger", "verify"],
        &["figures"],
        &["replay"],
        &["presets"],
        &["profile"],
        &["profile", "import"],
        &["profile", "export"],
        &["profile", "diff"],
        &["influx"],
        &["probe"],
        &["probe", "modbus"],
        &["probe", "mqtt"],
        &["probe", "orders"],
        &["probe", "read"],
        &["openapi"],
    ] {
        for line in help(command).lines() {
            let is_chinese = line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            if is_a_sentence(line)
                && !is_chinese
                && !line.contains("steamward ")
                && !line.contains("-h, --help")
            {
                without.push(format!("{command:?}: {}", line.trim()));
            }
        }
    }
    assert!(without.is_empty(), "help without Chinese:\n{}", without.join("\n"));
}

/// A line without Chinese, or with three words of English behind one another outside of marks of code and quotes.
fn is_english(line: &str) -> bool {
    let mut bare = String::new();
    let mut open = None;
    for c in line.chars() {
        match (open, c) {
            (None, '`' | '"' | '“') => open = Some(if c == '“' { '”' } else { c }),
            (Some(end), _) if c == end => open = None,
            (None, _) => bare.push(c),
            _ => {}
        }
    }
    let is_word = |w: &&str| w.trim_end_matches([',', ';', ':']).chars().all(|c| c.is_ascii_lowercase());
    let words: Vec<&str> = bare.split_whitespace().collect();
    words.windows(3).any(|words| words.iter().all(&is_word))
        || !line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn an_import_is_told_in_chinese_whatever_is_wrong_with_the_list() {
    let sheets = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sheets");
    let folder = tempfile::tempdir().expect("a folder");
    let mut files: Vec<PathBuf> = Vec::new();
    for from in [sheets.clone(), sheets.join("cases")] {
        files.extend(std::fs::read_dir(from).expect("sheets").flatten().map(|e| e.path()));
    }
    let mut without = Vec::new();
    let mut read = 0;
    for file in files.iter().filter(|f| f.is_file() && f.extension().is_none_or(|e| e != "py")) {
        let name = file.to_string_lossy();
        let arguments = ["profile", "import", &name, "--lang", "zh", "--out", "p.toml"];
        let (_, said, faults) = run(&arguments, &[], folder.path());
        read += 1;
        for line in said.lines().chain(faults.lines()) {
            // What a list says beside its points is repeated as it stands; keys of a profile are keys.
            let own = ["行不是测点：", "没有采用的列："].iter().any(|w| line.contains(w));
            let keys = line.starts_with(['+', '~', '-', ' ', '[']) || line.contains(" = ") || line.is_empty();
            if is_english(line) && !own && !keys && !line.ends_with(".toml") {
                without.push(line.to_owned());
            }
        }
    }
    without.sort();
    without.dedup();
    assert!(read > 20, "{read} lists");
    assert!(without.is_empty(), "{} lines:\n{}", without.len(), without.join("\n"));
}

#[test]
fn what_the_commands_print_is_in_chinese_and_json_is_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let list =
        "名称,寄存器地址,数据类型,字节序,单位,高报\n蒸汽压力,40003,浮点,CDAB,MPa,1.2\n水位,4000x,,,mm,\n";
    std::fs::write(folder.path().join("list.csv"), list).expect("a file");
    let zh = |arguments: &[&str]| {
        let (code, said, faults) = run(arguments, &[("LANG", "zh_CN.UTF-8")], folder.path());
        (code, format!("{said}{faults}"))
    };
    let (code, said) = zh(&["profile", "import", "list.csv", "--out", "p.toml"]);
    assert_eq!(code, 2, "{said}");
    for told in [
        "list.csv：表头在第 1 行，1 个测点，0 行不是测点",
        "警告: list.csv: 1 个测点有限值而没有死区和延时；报警会抖动；请写“死区”和“报警延时”列",
        "list.csv!B3: `4000x` 不是寄存器地址；请写成 40001、0x2000，或写 0 并写明功能码",
        "新增 1，删除 0，修改 0，不变 0",
        "1 处问题；什么也没有写。请改正点表，或加 --skip-bad 只写其余各行",
    ] {
        assert!(said.contains(told), "{told}:\n{said}");
    }
    let (_, said) = zh(&["profile", "import", "list.csv", "--out", "p.toml", "--json"]);
    assert!(said.contains("`4000x` is not a register address"), "{said}");

    let profiles = root.join("config/profiles");
    let profiles = profiles.to_string_lossy();
    let (_, said) =
        zh(&["profile", "diff", "s7-1200-gas-boiler", "air-receiver-mqtt", "--profiles", &profiles]);
    assert!(said.contains("新增 2，删除") && said.contains("，不变 0"), "{said}");
    let (code, said) = zh(&["presets", "steam-boiler", "--pressure", "1.6 MPa"]);
    assert!(code == 0 && said.contains("需要 --fuel"), "{said}");
    let (_, said) = zh(&["presets", "kettle"]);
    assert!(said.contains("这个种类没有预置限值；现有："), "{said}");
    let (code, said) = zh(&["ledger", "verify", "nowhere"]);
    assert!(code == 1 && said.contains("不在；请指明网关的数据文件夹"), "{said}");
    let (code, said) =
        zh(&["replay", "--config", &root.join("config").to_string_lossy(), "--data", "nowhere"]);
    assert!(code == 1 && said.contains("不在；请用 --data 指明网关的数据文件夹"), "{said}");
    let (code, said) = zh(&["demo", "--scenario", "C2"]);
    assert!(code == 0 && said.contains("隐患，拟定为重大") && said.contains("与预期相符（"), "{said}");
    let (code, said) = zh(&["probe", "modbus", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains("连接被拒绝") && said.contains("只允许一个连接的设备"), "{said}");
    let (code, said) = zh(&["probe", "read", "127.0.0.1:1", "--at", "4000x"]);
    assert!(code == 2 && said.starts_with("--at：`4000x` 不是寄存器地址；"), "{said}");

    let (code, said) = zh(&["init", "plant", "--yes"]);
    assert!(code == 0 && said.contains("已写 plant/steamward.toml"), "{said}");
    let written = std::fs::read_to_string(folder.path().join("plant/steamward.toml")).expect("a file");
    assert!(written.contains("# 由 `steamward init` 写出。") && written.contains("unit = 1\n"), "{written}");
    // A page of its own, which nobody serves.
    let own = format!("{written}\n[console]\nlisten = \"127.0.0.1:9\"\n");
    std::fs::write(folder.path().join("plant/steamward.toml"), own).expect("written");
    let (code, said) = zh(&["check", "plant"]);
    assert!(code == 0 && said.contains("设备 steam-boiler-1（1# 锅炉），steam-boiler"), "{said}");
    let (code, said) = zh(&["reload", "plant"]);
    assert!(code == 1 && said.contains("网关是否正用这份配置运行"), "{said}");
}

#[test]
fn the_log_is_english_and_a_start_that_fails_is_told_in_chinese_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "[site]\nid = \"n\"\n[console]\nlisten = \"127.0.0.1:0\"\n[[equipment]]\nid = \"b\"\nkind = \"k\"\n\
                    profile = \"p\"\nsource = \"plc\"\nunit = 1\n[[source.modbus]]\nid = \"plc\"\n\
                    address = \"tcp://127.0.0.1:9\"\ntimeout = \"2s\"\n";
    std::fs::create_dir_all(folder.path().join("profiles")).expect("a folder");
    std::fs::create_dir_all(folder.path().join("data")).expect("a folder");
    std::fs::write(folder.path().join("steamward.toml"), settings).expect("a file");
    let profile = "[[point]]\nid = \"p\"\naddress = 40001\ntype = \"u16\"\n";
    std::fs::write(folder.path().join("profiles/p.toml"), profile).expect("a file");
    std::fs::write(folder.path().join("data/ledger.db"), [7; 8192]).expect("a file");
    let (code, said, faults) = run(&["run", ".", "--lang", "zh"], &[], folder.path());
    assert_eq!(code, 3, "{said}{faults}");
    let all = format!("{said}{faults}");
    assert!(all.contains("ledger.db is damaged: ") && all.contains("已损坏："), "{all}");
    // A warning of the settings stands in the log, in its stable words.
    let warned: Vec<&str> = all.lines().filter(|l| l.contains(" WARN ")).collect();
    assert!(warned.iter().any(|l| l.contains("longer than the period")), "{all}");
    let is_chinese = |l: &&&str| l.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    assert_eq!(warned.iter().find(is_chinese), None);
}

#[test]
fn the_limits_of_a_point_are_told_in_chinese_by_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "[site]\nid = \"n\"\n[console]\nlisten = \"127.0.0.1:9\"\n[[source.modbus]]\nid = \"plc\"\n\
                    address = \"tcp://192.0.2.1\"\n[[equipment]]\nid = \"b\"\nkind = \"k\"\nprofile = \"p\"\n\
                    source = \"plc\"\nunit = 1\n";
    let profile = "[[point]]\nid = \"p\"\nname = \"压力\"\nunit = \"MPa\"\naddress = 40001\ntype = \"u16\"\n\
                   [point.limits]\nhh = { at = 1.2, hazard = \"major\" }\n";
    std::fs::create_dir(folder.path().join("profiles")).expect("a folder");
    std::fs::write(folder.path().join("steamward.toml"), settings).expect("a file");
    std::fs::write(folder.path().join("profiles/p.toml"), profile).expect("a file");
    let (code, said, faults) = run(&["check", ".", "--lang", "zh"], &[], folder.path());
    let line = "p (压力) MPa <- plc/1 保持寄存器 0 u16；hh >= 1.2 紧急 重大隐患；数据中断 10s";
    assert!(code == 0 && said.contains(line), "{said}{faults}");
}

#[test]
fn every_sentence_that_the_command_line_tells_has_chinese() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = files(&root, READ);
    let tests =
        |path: &Path| path.ends_with("tests.rs") || path.components().any(|c| c.as_os_str() == "tests");
    let mut without = Vec::new();
    let mut all = 0;
    for file in files(&root, TOLD).iter().filter(|f| !read.contains(f) && !tests(f)) {
        let code = std::fs::read_to_string(file).expect("a file");
        // A text of several lines with keys in it is a file that is written.
        let texts = sentences(&code).into_iter().filter(|t| !(t.contains('\n') && t.contains(" = ")));
        let lines: Vec<String> =
            texts.flat_map(|t| t.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        for line in lines {
            // What is joined to a sentence is told as a sentence of its own.
            let text = line.trim_start_matches([';', ',', ' ']).trim_end();
            // Behind a key of a file stands a remark.
            let text = text.rsplit_once(" # ").map_or(text, |(_, remark)| remark);
            if !is_a_sentence(text) || NOT_TOLD.contains(&text) {
                continue;
            }
            all += 1;
            if is_english(&in_chinese(&template(text))) && is_english(&in_chinese(text)) {
                without.push(format!("{}: {text}", file.display()));
            }
        }
    }
    assert!(all > 800, "the sentences were not found: {all}");
    assert!(
        without.is_empty(),
        "{} sentences without Chinese; write them into src/tongue/zh.txt:\n{}",
        without.len(),
        without.join("\n")
    );
}

/// A row of the glossary's table: words that are not used, and phrases in which they may stand.
fn glossary(root: &Path) -> Vec<(Vec<String>, Vec<String>)> {
    let text = std::fs::read_to_string(root.join("docs/glossary.md")).expect("the glossary");
    let rows = text.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| English"));
    let words = |cell: &str| -> Vec<String> {
        cell.split('、').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect()
    };
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (words(cells[3]), words(cells[4]))
    })
    .collect()
}

/// Where words of others stand, which are understood whatever they are, or quoted: registers' lists and how they are read.
const OF_OTHERS: [&str; 3] = ["src/settings/sheet/", "docs/glossary.md", "docs/spreadsheets.md"];

/// Files below `at` in which Chinese may stand for people to read.
fn texts_below(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_file() {
        let kinds = ["rs", "toml", "csv", "txt", "ts", "svelte", "html", "md"];
        found.extend(at.extension().filter(|e| kinds.iter().any(|k| e == k)).map(|_| at.to_owned()));
        return;
    }
    let skipped = ["tests", "node_modules", "dist"];
    for entry in std::fs::read_dir(at).expect("a folder").flatten() {
        if !skipped.iter().any(|name| entry.file_name() == *name) && entry.file_name() != "tests.rs" {
            texts_below(&entry.path(), found);
        }
    }
}

/// The lines of a file that are ours: no tests, no names of points, and no other names by which a point is known.
fn own_lines(file: &str, text: &str) -> Vec<(usize, String)> {
    let code = if file.ends_with(".rs") { text.split("#[cfg(test)]\nmod tests {").next() } else { None };
    let lines = code.unwrap_or(text).lines().map(str::to_owned).enumerate().map(|(n, line)| (n + 1, line));
    match file {
        "src/plant/dictionary.csv" => {
            lines.map(|(n, line)| (n, line.split(',').take(5).collect::<Vec<_>>().join(","))).collect()
        }
        _ if file.starts_with("config/profiles/") => {
            lines.filter(|(_, line)| !line.starts_with("name = ")).collect()
        }
        _ => lines.collect(),
    }
}

#[test]
fn whatever_is_written_in_chinese_uses_the_words_of_the_glossary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = glossary(root);
    assert!(rows.len() > 30, "the table was not found");
    let mut files = Vec::new();
    for at in [
        "src",
        "web/src",
        "web/index.html",
        "config",
        "deploy",
        "benches",
        "docs",
        "README.md",
        "README.zh.md",
    ] {
        texts_below(&root.join(at), &mut files);
    }
    let (mut wrong, mut chinese) = (Vec::new(), 0);
    for file in files {
        let name = file.strip_prefix(root).expect("below").to_string_lossy().replace('\\', "/");
        if OF_OTHERS.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a file");
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        chinese += usize::from(text.contains(is_chinese));
        for (number, line) in own_lines(&name, &text).iter().filter(|(_, line)| line.contains(is_chinese)) {
            for (words, allowed) in &rows {
                let rest = allowed.iter().fold(line.clone(), |line, phrase| line.replace(phrase, " "));
                let found = words.iter().filter(|word| rest.contains(*word));
                wrong.extend(found.map(|word| format!("{name}:{number}: {word}")));
            }
        }
    }
    assert!(chinese > 80, "the files were not found: {chinese}");
    assert!(wrong.is_empty(), "words that docs/glossary.md does not use:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_names_every_kind_of_equipment_and_has_no_labels_of_points_of_its_own() {
    use steamward::plant::dictionary;
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src");
    let mut kinds: Vec<&str> = dictionary::all().iter().flat_map(|k| k.kinds.iter().copied()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 9, "{kinds:?}");
    for language in ["zh", "en"] {
        let text = std::fs::read_to_string(web.join(format!("lib/i18n/{language}.ts"))).expect("a file");
        for kind in &kinds {
            assert!(text.contains(&format!("'kind-of.{kind}': ")), "{language}: {kind}");
        }
        // Labels of points come from the gateway, which has them from the profile or the dictionary.
        for known in dictionary::all().iter().filter(|known| known.id.contains('_')) {
            assert!(!text.contains(&format!("{}'", known.id)), "{language}: {}", known.id);
        }
    }
}
