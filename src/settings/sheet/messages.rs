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
    format!("`{name}` is not a usual point of the kind {kind}: as {id} it has no presets")
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

pub(super) fn order_contradicts(text: &str) -> String {
    format!("`{text}` tells two byte orders")
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

pub(super) const BYTE_REMEDY: &str = "where the value is that byte alone, its type is UINT8 or INT8 (u8_high, u8_low, i8_high, i8_low in a profile)";

pub(super) fn byte_unused(text: &str) -> String {
    format!("`{text}` speaks of one byte, but the type is a whole register: not used")
}

pub(super) const OTHER_BYTE_REMEDY: &str = "write 低字节 or `low byte` in the remark if the value is there";
pub(super) const BOTH_BYTES_REMEDY: &str =
    "write 高字节 or 低字节 alone behind the type, or make a row for each of the two values";

pub(super) fn other_byte(text: &str) -> String {
    format!("`{text}` says that the low byte is empty: the high byte of the register was taken")
}

pub(super) fn both_bytes(text: &str) -> String {
    format!("`{text}` names both bytes of the register, or another byte than the row does elsewhere")
}

pub(super) const SHORT_OR_LONG_REMEDY: &str = "write INT8 or INT16, UINT8 or UINT16";

pub(super) fn short_or_long(text: &str) -> String {
    format!("`{text}` is 8 bits to some and 16 bits to others")
}

pub(super) const BYTES_UNREAD_REMEDY: &str = "a number has 1, 2, 4 or 8 bytes, and no other width beside it; a text is String(8), several values are a row each";

pub(super) fn bytes_unread(text: &str) -> String {
    format!("`{text}` counts bytes or words that are not one number")
}

pub(super) fn low_bytes(count: usize, names: &str) -> String {
    let values =
        if count == 1 { "1 value of 8 bits".to_owned() } else { format!("{count} values of 8 bits") };
    format!("{values}: the low byte of the register was taken, for nothing names the other one: {names}")
}

pub(super) fn station_by_word(title: &str) -> String {
    format!("`{title}` was taken as the unit id of the device")
}

pub(super) fn station_of_cover(unit: u8, text: &str) -> String {
    format!("`{text}`: unit id {unit} taken for the lists that do not tell one")
}

pub(super) fn stations_of_covers(text: &str) -> String {
    format!("`{text}` tells a unit id, another sheet tells another: not used")
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

pub(super) const TWO_RANGES_REMEDY: &str = "write the unit behind the range that is the value (0~1.6MPa), fill in the column 量程, or write 原始下限 and 原始上限";

pub(super) fn two_ranges(text: &str) -> String {
    format!("`{text}` gives two ranges, and not which of them the register holds")
}

pub(super) fn negative_scale(text: &str) -> String {
    format!("`{text}` is a negative multiplier")
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

pub(super) const BASE_REMEDY: &str = "compare one value on site; --address-base 0 or 1 says it without doubt";
pub(super) const HEX_REMEDY: &str =
    "call the column 地址(HEX), or write 0x before each number, to say it without doubt";
pub(super) const BYTE_ADDRESSES_REMEDY: &str =
    "write the number of the register in a column 寄存器地址: two bytes make one";
pub(super) const BITS_FROM_ONE_REMEDY: &str =
    "write the bits as 0 to 15, 0 is the lowest; take the sentence out";
pub(super) const START_REMEDY: &str = "call the column 偏移地址 if its numbers count from there, or write whole addresses; --address-base says that they are whole";
pub(super) const DEVICE_WITHOUT_STATION: &str = "another device than in the row above, and no unit id";

pub(super) fn base_note(base: u8) -> String {
    format!("this note says how addresses are counted: from {base}")
}

pub(super) fn hex_note(hex: bool) -> String {
    let how = if hex { "hexadecimal" } else { "decimal" };
    format!("this note says how addresses are written: {how}")
}

pub(super) fn start_note(start: u32) -> String {
    format!("this note says where the list starts: at {start}")
}

pub(super) fn addresses_unused(text: &str) -> String {
    format!("`{text}` speaks of addresses and was not used")
}

pub(super) fn byte_addresses(text: &str) -> String {
    format!("`{text}`: these addresses count bytes, not registers")
}

pub(super) fn bits_from_one(text: &str) -> String {
    format!("`{text}`: these bits are counted from 1")
}

pub(super) fn start_unclear(start: u32) -> String {
    format!("a note names {start} as the start of the list, but this address lies before it")
}

pub(super) fn base_differs(note: u8, title: u8) -> String {
    format!("the header counts addresses from {title}, a note from {note}")
}

pub(super) fn column_hexadecimal(text: &str) -> String {
    format!("`{text}` can only be hexadecimal: all addresses of this column were read so")
}

pub(super) fn number_of_two_kinds(text: &str, decimal: u32, hex: u32) -> String {
    format!("`{text}` may be {decimal} or, as others of the list are hexadecimal, {hex}")
}

pub(super) const NUMBER_OR_BIT_REMEDY: &str =
    "write BOOL or WORD for a bit; for a number write the address without a bit";

pub(super) fn number_or_bit(text: &str, bit: u8) -> String {
    format!("`{text}` is a number, but the row names bit {bit}")
}

pub(super) const SENTINEL_REMEDY: &str =
    "write the raw value as the register holds it, before any scaling, e.g. 32767 or 0x7FFF";

pub(super) fn sentinel_read(text: &str, number: &str, kind: &str) -> String {
    format!("`{text}` is {number} as {kind}: taken so")
}

pub(super) fn sentinel_not_a_number(text: &str, kind: &str) -> String {
    format!("`{text}` is not a number as {kind}, and is bad without being named")
}

pub(super) fn sentinel_beyond(text: &str, kind: &str) -> String {
    format!("`{text}` is nothing that a value of type {kind} can be")
}

pub(super) const TWICE_REMEDY: &str = "if these are two devices, give each row its unit id in a column 站号, or read each sheet alone with --sheet; else delete one row";

pub(super) fn twice(place: &str) -> String {
    format!("the same register under the same name as {place}")
}

pub(super) const STATIONS_MIXED_REMEDY: &str = "write the unit id of every device in a column 站号 or in the title above its rows, or read each sheet alone with --sheet";

pub(super) fn stations_mixed(count: usize, names: &str) -> String {
    let rows = if count == 1 { "1 row names".to_owned() } else { format!("{count} rows name") };
    format!("{rows} no unit id, although others of the workbook do: {names}")
}

pub(super) fn normal_without_alarm(at: &str) -> String {
    format!(
        "the normal state is {at}, but nothing says that the other one is an alarm: no limit was made of it"
    )
}

pub(super) const UNIT_CHANGED_REMEDY: &str =
    "write it in the sheet, delete it in the profile, or take all from the sheet with --replace";

pub(super) fn unit_changed(old: &str, new: &str) -> String {
    format!("the sheet changes the unit from {old} to {new}, and this was made for {old}")
}

pub(super) const SIGNAL_WITHOUT_RAW: &str =
    "an analogue signal, but not which raw values stand for its ends: taken as a plain number";
pub(super) const SIGNAL_REMEDY: &str =
    "add columns 原始下限 and 原始上限 (the raw values at both ends of the signal)";

pub(super) const ADDRESS_COLUMNS_REMEDY: &str = "find out which is right, and correct the other";
pub(super) const OTHER_REGISTERS_REMEDY: &str =
    "import its points by themselves: --map names its column as address, and the other one as ignore";

pub(super) fn address_columns_differ(here: &str, there: &str, column: &str) -> String {
    format!("`{here}` here and `{there}` in column {column} are not the same register")
}

pub(super) fn other_registers(title: &str, there: &str, here: &str) -> String {
    format!("`{title}` names other registers (`{there}` beside `{here}`): its points are not imported")
}

pub(super) const STATES_REMEDY: &str =
    "write them as 0=停止, 1=运行 in a column 枚举; leave it as it is where these are not its states";

pub(super) fn states_unread(text: &str) -> String {
    format!("`{text}` may name the states of this value: no names were made of it")
}

pub(super) fn stations_of_title(text: &str) -> String {
    format!("`{text}` tells two unit ids: not used")
}

pub(super) const NOTATION_REMEDY: &str = "write all addresses of the list in one way, or say with --address-base 0 or 1 from where the plain ones count";

pub(super) fn counted_from_zero(text: &str) -> String {
    format!(
        "`{text}` stands in this list: its numbers with zeros before them were read as plain ones, counted from 0"
    )
}

pub(super) fn coil_and_other(text: &str, coil: &str) -> String {
    format!(
        "`{text}` of another table would count from 0, and `{coil}` of the same list is a coil that counts from 1"
    )
}

pub(super) fn filled_up_with_zeros(count: usize, text: &str, base: u8) -> String {
    if count == 1 {
        return format!(
            "1 address like `{text}` is taken as a plain number of another table than coils, counted from {base}; a coil of this number counts from 1"
        );
    }
    format!(
        "{count} addresses like `{text}` are taken as plain numbers of another table than coils, counted from {base}; coils of these numbers count from 1"
    )
}

pub(super) fn two_notations(bare: &str, base: u8, whole: &str) -> String {
    format!(
        "`{bare}` is read as a plain address, counted from {base}, and `{whole}` of the same list counts from 1"
    )
}

pub(super) const SETPOINTS_REMEDY: &str = "columns 低报 and 高报 with the setpoints";

pub(super) fn more_setpoints(text: &str) -> String {
    format!("`{text}` holds more than one number: which of them is this limit?")
}

pub(super) const HEAD_REMEDY: &str = "kind, table, address_base, order, modbus.…, shape, time, topic";

pub(super) fn unknown_head_key(key: &str) -> String {
    format!("`{key}` is not a key of a profile's head: not used")
}

pub(super) fn state_or_limit(text: &str) -> String {
    format!("`{text}` may be a state or a limit: which of them?")
}

pub(super) fn hexadecimal_limit(text: &str) -> String {
    format!("`{text}` holds a hexadecimal number, and not one that can be this limit")
}

pub(super) fn other_side(text: &str) -> String {
    format!("`{text}` speaks of the other side: is it a high or a low limit?")
}

pub(super) const TABLE_REMEDY: &str =
    "name one table in the title, or write the function code of each row in a column 功能码";

pub(super) fn tables_of_title(text: &str) -> String {
    format!(
        "`{text}` names several register tables, or contradicts itself: the rows below have no table from a title"
    )
}

pub(super) const STATE_NUMBER_REMEDY: &str =
    "write the number of the state that alarms in a column state, or the setpoint alone";

pub(super) fn states_no_setpoint(text: &str) -> String {
    format!("`{text}` names states, and not one that alarms at this limit")
}
