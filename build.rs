//! Makes sure there is a page to embed: a plain `cargo build` without Node still gives a working
//! gateway, with a page that says how to build the real one.

use std::{fs, path::Path};

fn main() {
    let dist = Path::new("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
    if !dist.join("index.html").exists() {
        let page = "<!doctype html><meta charset=utf-8><title>Steamward</title>\
                    <p>The page was not built into this binary: run <code>make web</code>, then build again. \
                    The API is under <code>/api/v1</code>.";
        if let Err(error) = fs::create_dir_all(dist).and_then(|()| fs::write(dist.join("index.html"), page)) {
            println!("cargo::error=web/dist cannot be written: {error}");
        }
    }
}
