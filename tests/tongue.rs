//! The command line in Chinese: chosen by `--lang`, the settings or the environment; and how much of it there is.

use std::path::{Path, PathBuf};
use std::process::Command;

use steamward::tongue::in_chinese;

/// Sentences of the settings' faults without Chinese. May only fall.
const WITHOUT_CHINESE: usize = 60;

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
    for word in ["锅炉和压力容器的边缘网关", "用法：", "命令", "读取设置", "选项", "显示帮助"]
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
    assert!(said.contains("new/steamward.toml written") && said.contains("steamward check new"), "{said}");
    let (code, said, faults) = run(&["check", "new"], &[], folder.path());
    assert_eq!(code, 0, "{faults}");
    assert!(
        said.contains("site site (东区 \"A\"") && said.contains("settings are good; 0 warnings"),
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

/// With `{}` for what differs.
fn template(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        plain.push_str("…x…");
        rest = after.split_once('}').map_or(String::new(), |(_, after)| after.to_owned());
    }
    (plain + &rest).replace('\u{1}', "{").replace('\u{2}', "}")
}

fn is_a_sentence(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let word = |w: &&&str| w.len() > 1 && w.chars().all(|c| c.is_ascii_lowercase() || c == ',' || c == ';');
    text.trim() == text && words.iter().filter(word).count() >= 2
}

#[test]
fn sentences_of_faults_without_chinese_become_fewer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/settings");
    let mut files =
        vec![root.join("walk.rs"), root.join("fault.rs"), root.join("source.rs"), root.join("mod.rs")];
    for folder in ["build", "profile", "slips"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("a folder").flatten();
        files.extend(entries.map(|e| e.path()).filter(|p| p.is_file() && !p.ends_with("tests.rs")));
    }
    let mut without = Vec::new();
    let mut all = 0;
    for file in files {
        let code = std::fs::read_to_string(&file).expect("a file");
        for text in sentences(&code).into_iter().filter(|t| is_a_sentence(t)) {
            let text = template(&text);
            all += 1;
            if in_chinese(&text) == text && !without.contains(&text) {
                without.push(text);
            }
        }
    }
    assert!(all > 300, "the sentences were not found: {all}");
    assert!(
        without.len() <= WITHOUT_CHINESE,
        "{} sentences without Chinese; write them into src/tongue/zh.txt:\n{}",
        without.len(),
        without.join("\n")
    );
}
