//! `steamward influx`: look at the servers of the v2 outlets, create missing buckets with `--create`.

use std::path::PathBuf;

use clap::Args;

use crate::exit;
use crate::outlet::influx::setup;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder with steamward.toml, conf.d/ and profiles/.
    #[arg(default_value = "config")]
    dir: PathBuf,
    /// Create a bucket that is missing.
    #[arg(long)]
    create: bool,
}

pub(super) fn influx(options: &Options) -> i32 {
    let loaded = match super::load(&options.dir) {
        Ok(loaded) => loaded,
        Err(faults) => {
            super::refuse(&faults);
            return exit::SETTINGS;
        }
    };
    let Ok(runtime) = super::runtime() else { return exit::FAILED };
    let mut code = exit::FINE;
    for outlet in &loaded.settings.outlets.influx {
        match runtime.block_on(setup::look(outlet, options.create)) {
            Ok(found) => {
                let bucket = match (found.bucket_found, found.bucket_made) {
                    (true, _) => "bucket is there",
                    (false, true) => "bucket created",
                    (false, false) => "bucket is MISSING: run again with --create",
                };
                tell!(
                    "{}: server version {}, {bucket}",
                    outlet.id,
                    found.version.as_deref().unwrap_or("unknown")
                );
                if !found.bucket_found && !found.bucket_made {
                    code = exit::FAILED;
                }
            }
            Err(e) => {
                complain!("{}: {e}", outlet.id);
                code = exit::FAILED;
            }
        }
    }
    code
}
