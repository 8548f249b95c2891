//! Starts the log: text for people, JSON lines for machines, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;

use crate::plant::clean;
use crate::settings::Log;

pub(super) fn start(log: &Log) {
    // A wrong filter was refused with the settings; `RUST_LOG` may override for a look on site.
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(&log.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .fmt_fields(fields())
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Already started (in a test) is as good.
    // JSON escapes by itself.
    let _ = if log.json { builder.json().try_init() } else { builder.try_init() };
}

/// How the parts of a line are written. Here, where every line passes, what cannot be seen is written out:
/// what a server, a device or a person sends may stand in any of them, and must not look like a line of ours.
fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    let fields = debug_fn(|to, field, value| match field.name() {
        "message" => write!(to, "{}", clean(&format!("{value:?}"))),
        // What the bridge from `log` adds is told by the line itself.
        name if name.starts_with("log.") => Ok(()),
        name => write!(to, "{name}={}", clean(&format!("{value:?}"))),
    });
    fields.delimited(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::fields;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_comes_from_outside_makes_no_line_of_the_log() {
        let kept = Kept::default();
        let to = kept.clone();
        let log =
            tracing_subscriber::fmt().fmt_fields(fields()).with_ansi(false).with_writer(move || to.clone());
        let outside = "no such bucket\r\n2026-11-30T00:00:00Z  INFO steamward: all is well\u{1b}[2J\u{202e}";
        tracing::subscriber::with_default(log.finish(), || {
            tracing::warn!(source = %outside, "the server says: {outside}");
        });
        let written = String::from_utf8(kept.0.lock().expect("not poisoned").clone()).expect("text");
        assert_eq!(written.lines().count(), 1, "{written}");
        assert!(written.contains("the server says: no such bucket\\r\\n2026"), "{written}");
        assert!(
            written.contains("source=no such bucket\\r\\n") && written.contains("\\u{1b}[2J"),
            "{written}"
        );
        assert!(!written.trim_end().chars().any(crate::plant::is_unseen), "{written}");
    }
}
