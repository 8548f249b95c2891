//! A CSV profile of any content, used by settings that are right: see [`steamward_fuzz::taken_or_explained`].
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use steamward::settings::load_texts;
use steamward_fuzz::taken_or_explained;

const MAIN: (&str, &str) = (
    "steamward.toml",
    r#"
[site]
id = "north"
name = "北区动力站"
timezone = "Asia/Shanghai"

[[source.modbus]]
id = "plc-1"
address = "tcp://192.0.2.10:502"

[[equipment]]
id = "boiler-1"
name = "1# 蒸汽锅炉"
kind = "steam-boiler"
profile = "sheet"
source = "plc-1"
unit = 1
"#,
);

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    let profile = ("sheet.csv", text);
    let result = load_texts(&[MAIN], &[profile], &[]);
    taken_or_explained(&[MAIN, profile], &result);
    Corpus::Keep
});
