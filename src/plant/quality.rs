//! Whether a reading may be believed, and if not, why not.

/// Quality of one reading. Only `Good` and `Uncertain` readings carry a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Believed.
    Good,
    /// There is a value, with a doubt.
    Uncertain(Cause),
    /// There is no value to go by.
    Bad(Cause),
}

/// Why a reading is not good. The number is what the journal stores: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// Nothing was read since the start.
    NotYetRead = 1,
    /// No answer within the time allowed.
    Timeout = 2,
    /// The connection is down or was refused.
    Disconnected = 3,
    /// The answer did not fit the request.
    Garbled = 4,
    /// The circuit breaker rests this device; the next probe has not come yet.
    BackingOff = 5,
    /// Modbus exception 1, function not supported.
    ExceptionFunction = 11,
    /// Modbus exception 2, no such register.
    ExceptionAddress = 12,
    /// Modbus exception 3, value or length refused.
    ExceptionValue = 13,
    /// Modbus exception 4, device failure.
    ExceptionDevice = 14,
    /// Modbus exception 5, still working on it.
    ExceptionAcknowledge = 15,
    /// Modbus exception 6, busy.
    ExceptionBusy = 16,
    /// Modbus exception 8, memory parity.
    ExceptionParity = 18,
    /// Modbus exception 10, gateway has no path.
    ExceptionPath = 20,
    /// Modbus exception 11, gateway's target does not answer.
    ExceptionTarget = 21,
    /// Any other exception code.
    ExceptionOther = 29,
    /// NaN or an infinity.
    NotANumber = 30,
    /// Outside the point's physical range.
    OutOfRange = 31,
    /// The payload does not name the point.
    Missing = 32,
    /// The payload has something there that is no number.
    Unreadable = 33,
    /// The device itself says the value is bad.
    DeviceSaysBad = 34,
    /// A number that stands for "no measurement" on this device, such as 0x7FFF for a broken sensor.
    Sentinel = 35,
    /// Too long since the last reading.
    Stale = 40,
    /// An integer beyond 2^53 lost its last digits.
    Rounded = 41,
    /// The device clock is too far off; the arrival time was used.
    DeviceClock = 42,
    /// The current loop is broken or shorted (NAMUR NE 43: at most 3.6 mA, or at least 21 mA).
    LoopFault = 43,
    /// The transmitter is saturated (NAMUR NE 43: 3.6 to 3.8 mA, 20.5 to 21 mA).
    LoopSaturated = 44,
    /// The device answers, but its heartbeat counter stands still.
    HeartbeatStopped = 45,
    /// All zero soon after a restart of the device.
    WarmUp = 46,
    /// The point it is multiplied by has no value.
    NoFactor = 47,
    /// Two readings of a wide counter did not agree.
    Torn = 48,
    /// The gateway's own clock was not sure.
    ClockUnsure = 49,
    /// An input of the formula is bad or in doubt, or its window is not filled yet.
    DerivedInput = 50,
    /// Further from the last reading than the point can move: a spike, until two more agree with it.
    Jump = 51,
    /// It has not moved for too long.
    Frozen = 52,
    /// A float of a size that no physical quantity has: most likely its words or bytes stand in another order.
    Implausible = 53,
    /// A point it is multiplied by changed between the two readings around it, or was not read again.
    FactorUnsure = 54,
    /// Two devices dial in with one registration: whose values these are is unknown.
    SharedRegistration = 55,
    /// A number with a unit that measures something else than the point, or that the point's unit does not tell.
    OtherUnit = 60,
    /// A boolean, or a word such as `on`, where the point is a measured quantity.
    Boolean = 61,
    /// It waited at the broker while the gateway was away, for a time that nobody knows.
    Queued = 62,
    /// Of an alarm: the condition or state that might hide it is unknown, and what is unknown hides nothing.
    ConditionUnknown = 80,
}

impl Cause {
    const ALL: [Self; 41] = [
        Self::NotYetRead,
        Self::Timeout,
        Self::Disconnected,
        Self::Garbled,
        Self::BackingOff,
        Self::ExceptionFunction,
        Self::ExceptionAddress,
        Self::ExceptionValue,
        Self::ExceptionDevice,
        Self::ExceptionAcknowledge,
        Self::ExceptionBusy,
        Self::ExceptionParity,
        Self::ExceptionPath,
        Self::ExceptionTarget,
        Self::ExceptionOther,
        Self::NotANumber,
        Self::OutOfRange,
        Self::Missing,
        Self::Unreadable,
        Self::DeviceSaysBad,
        Self::Sentinel,
        Self::Stale,
        Self::Rounded,
        Self::DeviceClock,
        Self::LoopFault,
        Self::LoopSaturated,
        Self::HeartbeatStopped,
        Self::WarmUp,
        Self::NoFactor,
        Self::Torn,
        Self::ClockUnsure,
        Self::DerivedInput,
        Self::Jump,
        Self::Frozen,
        Self::OtherUnit,
        Self::Boolean,
        Self::Queued,
        Self::Implausible,
        Self::FactorUnsure,
        Self::SharedRegistration,
        Self::ConditionUnknown,
    ];

    /// The cause with this stored number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|c| *c as u8 == code)
    }

    /// The cause of a Modbus exception with this code (Modbus Application Protocol V1.1b3, section 7).
    #[must_use]
    pub fn of_exception(code: u8) -> Self {
        match code {
            1 => Self::ExceptionFunction,
            2 => Self::ExceptionAddress,
            3 => Self::ExceptionValue,
            4 => Self::ExceptionDevice,
            5 => Self::ExceptionAcknowledge,
            6 => Self::ExceptionBusy,
            8 => Self::ExceptionParity,
            10 => Self::ExceptionPath,
            11 => Self::ExceptionTarget,
            _ => Self::ExceptionOther,
        }
    }

    /// Whether the whole device is out of reach, rather than one point of it in doubt.
    #[must_use]
    pub fn is_communication(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::Disconnected
                | Self::Garbled
                | Self::BackingOff
                | Self::Stale
                | Self::ExceptionPath
                | Self::ExceptionTarget
                | Self::HeartbeatStopped
                | Self::SharedRegistration
        )
    }

    /// Stable word for the API and the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotYetRead => "not-yet-read",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Garbled => "garbled",
            Self::BackingOff => "backing-off",
            Self::ExceptionFunction => "exception-01",
            Self::ExceptionAddress => "exception-02",
            Self::ExceptionValue => "exception-03",
            Self::ExceptionDevice => "exception-04",
            Self::ExceptionAcknowledge => "exception-05",
            Self::ExceptionBusy => "exception-06",
            Self::ExceptionParity => "exception-08",
            Self::ExceptionPath => "exception-0a",
            Self::ExceptionTarget => "exception-0b",
            Self::ExceptionOther => "exception",
            Self::NotANumber => "not-a-number",
            Self::OutOfRange => "out-of-range",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::DeviceSaysBad => "device-says-bad",
            Self::Sentinel => "sentinel",
            Self::Stale => "stale",
            Self::Rounded => "rounded",
            Self::DeviceClock => "device-clock",
            Self::LoopFault => "loop-fault",
            Self::LoopSaturated => "loop-saturated",
            Self::HeartbeatStopped => "heartbeat-stopped",
            Self::WarmUp => "warm-up",
            Self::NoFactor => "no-factor",
            Self::Torn => "torn",
            Self::ClockUnsure => "clock-unsure",
            Self::DerivedInput => "derived-input",
            Self::Jump => "jump",
            Self::Frozen => "frozen",
            Self::OtherUnit => "other-unit",
            Self::Boolean => "boolean",
            Self::Queued => "queued",
            Self::Implausible => "implausible",
            Self::FactorUnsure => "factor-unsure",
            Self::SharedRegistration => "shared-registration",
            Self::ConditionUnknown => "condition-unknown",
        }
    }
}

impl Quality {
    /// The value may be judged against limits. Bad and missing values never are (promise P4).
    #[must_use]
    pub fn is_usable(self) -> bool {
        !matches!(self, Self::Bad(_))
    }

    /// The reason, where there is one.
    #[must_use]
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Good => None,
            Self::Uncertain(c) | Self::Bad(c) => Some(c),
        }
    }

    /// `good`, `uncertain`, `bad` or `stale`, as the API shows it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain(_) => "uncertain",
            Self::Bad(Cause::Stale) => "stale",
            Self::Bad(_) => "bad",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn every_cause_comes_back_from_its_number() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_code(cause as u8), Some(cause));
        }
        assert_eq!(Cause::from_code(0), None);
    }
}
