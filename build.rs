//! Makes sure there is a folder to embed: a plain `cargo build` without Node still gives a working
//! gateway, whose page says how to build the real one (see `console/page.rs`).

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
    if let Err(error) = std::fs::create_dir_all("web/dist") {
        println!("cargo::error=web/dist cannot be made: {error}");
    }
}
