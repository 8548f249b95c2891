//! The functions of the language: names, how they are called, where a written time is due.

/// Every function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Sqrt,
    Exp,
    Ln,
    Log10,
    Min,
    Max,
    Avg,
    Clamp,
    Round,
    Floor,
    Kelvin,
    Celsius,
    If,
    Good,
    Bad,
    OrElse,
    Worst,
    Atm,
    Mean,
    Lowest,
    Highest,
    Rate,
    RateMin,
    RateH,
    TimeToHigh,
    TimeToLow,
    Integral,
    Delay,
    Hold,
    Changed,
    Count,
    Since,
    Unrolled,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Value,
    Window,
    Per,
}

/// Most arguments of `min`, `max`, `avg` and `worst`.
pub(super) const MOST_ARGUMENTS: usize = 32;

/// Name, function, how it is called, fewest and most arguments.
type Row = (&'static str, Function, &'static str, usize, usize);

pub(super) const FUNCTIONS: [Row; 34] = [
    ("abs", Function::Abs, "abs(x)", 1, 1),
    ("sqrt", Function::Sqrt, "sqrt(x)", 1, 1),
    ("exp", Function::Exp, "exp(x)", 1, 1),
    ("ln", Function::Ln, "ln(x)", 1, 1),
    ("log10", Function::Log10, "log10(x)", 1, 1),
    ("min", Function::Min, "min(a, b, …)", 1, MOST_ARGUMENTS),
    ("max", Function::Max, "max(a, b, …)", 1, MOST_ARGUMENTS),
    ("avg", Function::Avg, "avg(a, b, …)", 1, MOST_ARGUMENTS),
    ("clamp", Function::Clamp, "clamp(x, low, high)", 3, 3),
    ("round", Function::Round, "round(x)", 1, 1),
    ("floor", Function::Floor, "floor(x)", 1, 1),
    ("kelvin", Function::Kelvin, "kelvin(t)", 1, 1),
    ("celsius", Function::Celsius, "celsius(t)", 1, 1),
    ("if", Function::If, "if(condition, then, else)", 3, 3),
    ("good", Function::Good, "good(x)", 1, 1),
    ("bad", Function::Bad, "bad(x)", 1, 1),
    ("or_else", Function::OrElse, "or_else(x, instead)", 2, 2),
    ("worst", Function::Worst, "worst(x, y, …)", 1, MOST_ARGUMENTS),
    ("atm", Function::Atm, "atm()", 0, 0),
    ("mean", Function::Mean, "mean(x, 60s)", 2, 2),
    ("lowest", Function::Lowest, "lowest(x, 5m)", 2, 2),
    ("highest", Function::Highest, "highest(x, 5m)", 2, 2),
    ("rate", Function::Rate, "rate(x, 60s)", 2, 2),
    ("rate_min", Function::RateMin, "rate_min(x, 60s)", 2, 2),
    ("rate_h", Function::RateH, "rate_h(x, 1h)", 2, 2),
    ("time_to_high", Function::TimeToHigh, "time_to_high(x, limit, 60s)", 3, 3),
    ("time_to_low", Function::TimeToLow, "time_to_low(x, limit, 60s)", 3, 3),
    ("integral", Function::Integral, "integral(x, per h) or integral(x, per h, reset)", 2, 3),
    ("delay", Function::Delay, "delay(x, 10s)", 2, 2),
    ("hold", Function::Hold, "hold(condition, 10s)", 2, 2),
    ("changed", Function::Changed, "changed(x)", 1, 1),
    ("count", Function::Count, "count(condition, 10m)", 2, 2),
    ("since", Function::Since, "since(condition)", 1, 1),
    ("unrolled", Function::Unrolled, "unrolled(x, wraps_at)", 2, 2),
];

impl Function {
    pub fn row(name: &str) -> Option<&'static Row> {
        FUNCTIONS.iter().find(|f| f.0 == name)
    }

    /// What the argument with this number is.
    pub fn place(self, number: usize) -> Place {
        match (self, number) {
            (Self::Integral, 1) => Place::Per,
            (
                Self::Mean
                | Self::Lowest
                | Self::Highest
                | Self::Rate
                | Self::RateMin
                | Self::RateH
                | Self::Delay
                | Self::Hold
                | Self::Count,
                1,
            )
            | (Self::TimeToHigh | Self::TimeToLow, 2) => Place::Window,
            _ => Place::Value,
        }
    }
}
