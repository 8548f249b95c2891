//! The script that guards the binary for other machines.

use std::process::Command;

fn needs(binary: &str, promised: &str) -> (bool, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/needs.sh");
    let run = Command::new(script).args([binary, promised]).output().expect("bash and binutils");
    (run.status.success(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
}

#[test]
fn a_binary_that_needs_a_newer_glibc_than_promised_is_not_let_through() {
    let binary = env!("CARGO_BIN_EXE_steamward");
    let (good, said) = needs(binary, "9.99");
    assert!(good && said.contains("needs glibc 2."), "{said}");
    let (good, said) = needs(binary, "2.2");
    assert!(!good && said.contains("too new; what asks for it:") && said.contains("GLIBC_2."), "{said}");
    let (good, said) = needs("/no/such/binary", "2.17");
    assert!(!good && said.contains("not there"), "{said}");
}
