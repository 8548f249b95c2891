//! The columns of a sheet and of a profile in CSV that are about all limits of their row.

/// Texts for people, each also with `_en`, and `_low` for `ll` and `l`.
pub(super) const TOLD: [&str; 3] = ["message", "consequence", "response"];

/// Numbers: the column, the key of the limit, and the unit that the column counts in.
pub(super) const NUMBERS: [(&str, &str, &str); 4] = [
    ("deadband", "deadband", ""),
    ("on_delay_s", "on_delay", "s"),
    ("off_delay_s", "off_delay", "s"),
    ("response_time_s", "response_time", "s"),
];

/// A column of what people are told with each limit: `message_low_en`, `response_time_s`.
pub(super) fn tells(column: &str) -> bool {
    let bare = column.strip_suffix("_en").unwrap_or(column);
    column == "response_time_s" || TOLD.contains(&bare.strip_suffix("_low").unwrap_or(bare))
}

/// The texts under `key` for a limit of `kind`, with their languages; `cell` gives those of a column. The texts for low limits
/// count more where there are any.
pub(super) fn texts<T>(key: &str, kind: &str, cell: impl Fn(&str) -> Option<T>) -> Vec<(&'static str, T)> {
    let of = |column: &str| {
        let both = [("zh", cell(column)), ("en", cell(&format!("{column}_en")))];
        both.into_iter().filter_map(|(language, text)| Some((language, text?))).collect::<Vec<_>>()
    };
    let low = if matches!(kind, "ll" | "l") { of(&format!("{key}_low")) } else { Vec::new() };
    if low.is_empty() { of(key) } else { low }
}
