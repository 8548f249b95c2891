//! Addresses in every usual spelling.

use super::*;

fn read(text: &str) -> Address {
    address(text, Habit::default()).unwrap_or_else(|e| panic!("{text}: {e:?}")).expect("not empty")
}

#[test]
fn modicon_numbers_name_their_table_in_every_spelling() {
    for (text, table, number) in [
        ("40001", Table::HoldingRegister, 40_001),
        ("４００２１", Table::HoldingRegister, 40_021),
        ("400001", Table::HoldingRegister, 400_001),
        ("4x0001", Table::HoldingRegister, 40_001),
        ("4X12345", Table::HoldingRegister, 412_345),
        (" 3x0010", Table::InputRegister, 30_010),
        ("30001", Table::InputRegister, 30_001),
        ("1x0005", Table::DiscreteInput, 10_005),
        ("4x400021", Table::HoldingRegister, 40_021),
        ("3x300001", Table::InputRegister, 30_001),
    ] {
        let found = read(text);
        assert_eq!((found.table, found.number, found.form), (Some(table), number, Form::Modicon), "{text}");
    }
    assert!(read("00001").maybe_coil);
    let x = address("0x0001", Habit { x_style: true, ..Habit::default() }).expect("good").expect("there");
    assert_eq!((x.table, x.number), (Some(Table::Coil), 1));
}

#[test]
fn hexadecimal_is_read_when_marked_and_questioned_when_not() {
    for text in ["0x2000", "2000H", "2000h", "&H2000", "16#2000", "H2000", "０ｘ２０００"] {
        let found = read(text);
        assert_eq!((found.number, found.form, found.table), (0x2000, Form::Hex, None), "{text}");
    }
    let hex = Habit { hex: true, ..Habit::default() };
    assert_eq!(address("2000", hex).expect("good").expect("there").number, 0x2000);
    assert_eq!(address("D100", hex).expect("good").expect("there").number, 0xd100);
    let (problem, remedy) = address("00C1", Habit::default()).expect_err("unmarked");
    assert_eq!(problem, "`00C1` looks hexadecimal, but nothing says so");
    assert_eq!(remedy, "write 0x00C1, or name the column 地址(HEX)");
}

#[test]
fn ranges_tell_how_many_registers() {
    for text in
        ["40001-40002", "40001~40002", "40001～2", "40001-2", "40001至40002", "40001/40002", "40001..40002"]
    {
        assert_eq!((read(text).number, read(text).registers), (40_001, Some(2)), "{text}");
    }
    assert_eq!(read("40009-10").registers, Some(2));
    assert_eq!(read("0-1").registers, Some(2));
    assert_eq!(read("0x2000-0x2003").registers, Some(4));
    assert!(address("40009-40002", Habit::default()).is_err());
}

#[test]
fn a_bit_stands_behind_a_point_or_a_word() {
    for text in ["40021.3", "40021:3", "40021 bit3", "40021-bit3", "40021位3", "40021.03"] {
        assert_eq!((read(text).number, read(text).bit), (40_021, Some(3)), "{text}");
    }
    assert_eq!((read("40021.0-3").bit, read("40021.0-3").bit_to), (Some(0), Some(3)));
    assert!(address("40021.16", Habit::default()).is_err());
}

#[test]
fn plc_memory_is_named_and_never_guessed() {
    for text in ["D100", "VW100", "VD4", "DB1.DBD0", "M0.0", "%MW100", "I0.1", "Q0.3"] {
        let (problem, remedy) = address(text, Habit::default()).expect_err(text);
        assert!(problem.contains("not a Modbus address"), "{problem}");
        assert!(remedy.starts_with("ask the vendor"), "{remedy}");
    }
    assert!(address("VD4", Habit::default()).expect_err("plc").1.contains("would be 40003"));
}

#[test]
fn letters_among_digits_are_shown_with_the_likely_number() {
    let (problem, remedy) = address("40O01", Habit::default()).expect_err("letter");
    assert_eq!(problem, "`40O01` is not a register address (a letter among the digits?)");
    assert_eq!(remedy, "write 40001");
    assert!(address("70000", Habit::default()).is_err());
    assert!(address("第一路", Habit::default()).is_err());
    for blank in ["", " - ", "/", "无", "N/A"] {
        assert_eq!(address(blank, Habit::default()), Ok(None));
    }
}

#[test]
fn a_table_before_a_colon_is_no_register_with_a_bit() {
    for (text, table, number) in [
        ("4:0008", Table::HoldingRegister, 40_008),
        ("3:00012", Table::InputRegister, 30_012),
        ("1:0005", Table::DiscreteInput, 10_005),
        ("0:0001", Table::Coil, 1),
    ] {
        let found = read(text);
        assert_eq!((found.table, found.number, found.bit), (Some(table), number, None), "{text}");
    }
    assert_eq!((read("4:08").number, read("4:08").bit), (4, Some(8)));
    assert!(address("4.0008", Habit::default()).is_err());
}

#[test]
fn zero_in_a_list_of_touch_panel_addresses_is_told_for_what_it_is() {
    let habit = Habit { x_style: true, ..Habit::default() };
    let (problem, _) = address("0x0000-0x0001", habit).expect_err("two kinds");
    assert!(problem.starts_with("`0x0000-0x0001` may be hexadecimal or a coil"), "{problem}");
    assert_eq!(address("0x0000", Habit::default()).expect("good").expect("there").number, 0);
}

#[test]
fn a_decimal_number_among_hexadecimal_ones_is_asked() {
    let mixed = Habit { mixed: true, ..Habit::default() };
    assert!(
        only_hex("000A") && only_hex("00C1") && !only_hex("0010") && !only_hex("D100") && !only_hex("40O01")
    );
    assert_eq!(address("0008", mixed).expect("good").expect("there").number, 8);
    let (problem, _) = address("0010", mixed).expect_err("10 or 16");
    assert_eq!(problem, "`0010` may be 10 or, as others of the list are hexadecimal, 16");
}
