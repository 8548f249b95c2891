//! In which language the command line speaks: `--lang`, else the settings' `site.language`, else the environment.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Arg, ArgAction, Command};

use crate::settings;
use crate::tongue::{self, Language, told};

/// The command line names a language, which counts over the settings'.
static IS_SAID: AtomicBool = AtomicBool::new(false);

/// Of `--lang`.
pub(super) fn word(text: &str) -> Result<Language, String> {
    Language::of(text).ok_or_else(|| format!("`{text}` is not a language that is here: zh or en"))
}

/// Before the command line is understood, so that its help and its faults are told in it too.
pub(super) fn choose_early() {
    let said = said(std::env::args());
    IS_SAID.store(said.is_some(), Ordering::Relaxed);
    let environment = || Language::of_environment(|name| std::env::var(name).ok());
    if let Some(language) = said.or_else(environment) {
        tongue::choose(language);
    }
}

/// `--lang zh` or `--lang=zh` among the arguments.
fn said(arguments: impl Iterator<Item = String>) -> Option<Language> {
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        let word = match argument.strip_prefix("--lang") {
            Some("") => arguments.next()?,
            Some(rest) if rest.starts_with('=') => rest[1..].to_owned(),
            _ => continue,
        };
        return Language::of(&word);
    }
    None
}

/// What the settings in `dir` say, unless the command line says it.
pub(super) fn choose_by_settings(dir: &Path, env: &[(String, String)]) {
    if IS_SAID.load(Ordering::Relaxed) {
        return;
    }
    if let Some(language) = settings::language(dir, env).and_then(|word| Language::of(&word)) {
        tongue::choose(language);
    }
}

/// The command with its help in the language of this process.
pub(super) fn command(command: Command) -> Command {
    match tongue::chosen() {
        Language::En => command,
        Language::Zh => in_chinese(command),
    }
}

fn in_chinese(mut command: Command) -> Command {
    let about = command.get_about().map(ToString::to_string);
    let after = command.get_after_help().map(ToString::to_string);
    if let Some(about) = about {
        command = command.about(told(&about).into_owned());
    }
    if let Some(after) = after {
        command = command.after_help(told(&after).into_owned());
    }
    let command = command.mut_args(|arg| {
        let heading = if arg.is_positional() { "参数" } else { "选项" };
        let help = arg.get_help().map(ToString::to_string);
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
        let is_switch = !arg.get_action().takes_values();
        let default = match defaults.join(" ") {
            none if none.is_empty() || is_switch => String::new(),
            default => format!(" [默认：{default}]"),
        };
        let arg = arg.help_heading(heading);
        match help {
            Some(help) if default.is_empty() => arg.help(told(&help).into_owned()),
            Some(help) => arg.help(format!("{}{default}", told(&help))).hide_default_value(true),
            None => arg,
        }
    });
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help("显示版本");
    let command = match command.get_version() {
        Some(_) => command.disable_version_flag(true).arg(version.help_heading("选项")),
        None => command,
    };
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("显示帮助");
    command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(help.help_heading("选项"))
        .subcommand_help_heading("命令")
        .help_template("{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}")
        .mut_subcommands(in_chinese)
}

/// Help, version, or what is wrong with the command line. A broken pipe meanwhile is not worth a word.
pub(super) fn print(error: &clap::Error) {
    use std::io::Write as _;
    if tongue::chosen() == Language::En {
        let _ = error.print();
        return;
    }
    let text = error.render().to_string();
    // The help is told already, piece by piece.
    let _ = if error.use_stderr() {
        write!(std::io::stderr(), "{}", told(&text))
    } else {
        write!(std::io::stdout(), "{text}")
    };
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::tongue::Language;

    #[test]
    fn the_language_of_the_command_line_is_found_wherever_it_stands() {
        let of = |line: &str| said(line.split(' ').map(str::to_owned));
        assert_eq!(of("steamward --lang zh check config"), Some(Language::Zh));
        assert_eq!(of("steamward check config --lang=zh_CN"), Some(Language::Zh));
        assert_eq!(of("steamward check --lang en"), Some(Language::En));
        assert_eq!(of("steamward check --language zh"), None);
        assert_eq!(of("steamward check config"), None);
    }
}
