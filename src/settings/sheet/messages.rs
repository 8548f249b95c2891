//! What an import says, in one place: so that it can be said in another language too.

pub(super) const ORDER_REMEDY: &str = "check a known value on site (`steamward probe orders`); a column 字节序 or --order says it without doubt";
pub(super) const SCALE_REMEDY: &str =
    "if it changes the value, write the multiplier in a column 系数; else it is only a remark";
pub(super) const STATION_MISSING: &str = "no unit id, and none above to take it from";
pub(super) const WHICH_STATE: &str = "it is a bit: which of its two values is the alarm?";
pub(super) const STATE_REMEDY: &str = "write 0 or 1, the value that the device sends while it alarms";

pub(super) const KIND_REMEDY: &str = "say which with --kind, or write the id in a column id";
pub(super) const FOREIGN_REMEDY: &str =
    "if it is a usual point, write its fuller name, or its id in a column id";

pub(super) fn several_points(name: &str, id: &str, also: &[&str]) -> String {
    format!("`{name}` is {id} or {}, by the kind of equipment: the first was taken", also.join(" or "))
}

pub(super) fn foreign_point(name: &str, id: &str, kind: &str) -> String {
    format!("`{name}` is no usual point of the kind {kind}: as {id} it has no presets")
}

pub(super) fn no_station(text: &str) -> String {
    format!("`{text}` is not a unit id")
}

pub(super) fn array(text: &str) -> String {
    format!("`{text}` is an array of several values")
}

pub(super) fn low_byte_text(text: &str) -> String {
    format!("`{text}` is a text with its low bytes first")
}

pub(super) fn order_of_one_register(text: &str) -> String {
    format!("`{text}` speaks of the byte order, but this value has one register: not used")
}

pub(super) fn order_differs(text: &str, key: &str) -> String {
    format!("`{text}` tells another byte order than {}, which was used", key.to_uppercase())
}

pub(super) fn order_unread(text: &str) -> String {
    format!("`{text}` speaks of the byte order and was not understood: not used")
}

pub(super) fn order_unused(text: &str) -> String {
    format!("`{text}` speaks of the byte order: not used")
}

pub(super) fn order_note(key: &str) -> String {
    format!("this note sets the byte order of the profile: {}", key.to_uppercase())
}

pub(super) fn order_note_of(key: &str, of: &str) -> String {
    format!("this note sets the byte order of {of}: {}", key.to_uppercase())
}

pub(super) fn orders_missing(count: usize, names: &str, other: Option<&str>) -> String {
    let values = if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
    let although =
        other.map_or_else(String::new, |o| format!(", although others of the list are {}", o.to_uppercase()));
    format!("{values} of 32 bits or more without a stated byte order, read as ABCD{although}: {names}")
}

pub(super) fn types_missing(count: usize, names: &str) -> String {
    let rows = if count == 1 { "1 row has".to_owned() } else { format!("{count} rows have") };
    format!("{rows} no data type, read as unsigned 16-bit numbers: {names}")
}

pub(super) fn scale_taken(what: &str, scale: &str) -> String {
    format!("this {what} was taken as the scale: raw × {scale}")
}

pub(super) fn scale_may_divide(what: &str, scale: &str) -> String {
    format!("this {what} was taken as the scale: raw × {scale}; is it not to be divided?")
}

pub(super) fn scale_differs(text: &str, says: &str, used: &str) -> String {
    format!("`{text}` says × {says}, but × {used} was used")
}

pub(super) fn scale_unused(text: &str) -> String {
    format!("`{text}` speaks of scaling, and nothing was made of it")
}

pub(super) fn resolution_of_a_float(text: &str) -> String {
    format!("`{text}` tells how fine a floating number is shown: not used as a multiplier")
}

pub(super) fn alarm_differs(here: &str, there: &str) -> String {
    format!("this cell alarms at {here}, but {there}")
}

pub(super) fn alarm_not_used(text: &str) -> String {
    format!("`{text}` is not a setpoint: no limit was made of it")
}
