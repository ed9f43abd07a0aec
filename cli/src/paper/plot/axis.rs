//! The range and the ticks of an axis.

/// A linear axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// The ends of the range.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Ticks within the range, and their labels.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis around all finite `values` with about `count` ticks, and a margin at the ends. `None` if there is no value.
    pub(super) fn around(values: impl Iterator<Item = f64>, count: f64) -> Option<Axis> {
        Axis::with_steps(values, count, 0.0)
    }

    /// The same for whole numbers: ticks are whole.
    pub(super) fn around_whole(values: impl Iterator<Item = f64>, count: f64) -> Option<Axis> {
        Axis::with_steps(values, count, 1.0)
    }

    /// The same with ticks at least `least` apart.
    fn with_steps(values: impl Iterator<Item = f64>, count: f64, least: f64) -> Option<Axis> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return None;
        }
        // A single value gets a range of its own size.
        let margin = if high > low { 0.06 * (high - low) } else { 0.05 * high.abs().max(1.0) };
        Some(Axis::between(low - margin, high + margin, count, least))
    }

    /// An axis from `low` to `high` with about `count` ticks that are at least `least` apart.
    pub(super) fn between(low: f64, high: f64, count: f64, least: f64) -> Axis {
        let step = nice_step((high - low) / count).max(least);
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let first = (low / step).ceil() as i64;
        let ticks = (first..).map(|i| i as f64 * step).take_while(|&at| at <= high);
        let ticks = ticks.map(|at| (at, label(at, decimals))).collect();
        Axis { low, high, ticks }
    }

    /// An axis of the logarithms to base 10 of positive `values`, with about `count` ticks: at powers of ten, or at 1, 2 and
    /// 5 times them where the values span less than two. `None` if there is no value.
    pub(super) fn around_decades(values: impl Iterator<Item = f64>, count: f64) -> Option<Axis> {
        let logarithms = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
        let mut axis = Axis::around(logarithms, count)?;
        // Wide enough for a tick: 2 and 5, the furthest neighbours, are 0.4 apart.
        let (middle, half) = (0.5 * (axis.low + axis.high), (0.5 * (axis.high - axis.low)).max(0.25));
        (axis.low, axis.high) = (middle - half, middle + half);
        if axis.high - axis.low < 2.0 {
            let within = axis.low..=axis.high;
            let power = |power: i32| [1.0, 2.0, 5.0].map(|factor: f64| (factor, power));
            let all = (axis.low.floor() as i32..=axis.high.ceil() as i32).flat_map(power);
            let place = |(factor, power): (f64, i32)| (factor.log10() + f64::from(power), (factor, power));
            // One way of writing for all ticks of an axis.
            let plain = axis.low > -3.0 && axis.high < 4.0;
            let name = |(factor, power): (f64, i32)| match (plain, factor == 1.0) {
                (true, _) => label(factor * 10f64.powi(power), usize::try_from(-power).unwrap_or(0)),
                (false, true) => format!("10^{{{}}}", label(f64::from(power), 0)),
                (false, false) => format!("{factor}·10^{{{}}}", label(f64::from(power), 0)),
            };
            axis.ticks =
                all.map(place).filter(|(at, _)| within.contains(at)).map(|(at, one)| (at, name(one))).collect();
        } else {
            axis = Axis::between(axis.low, axis.high, count, 1.0);
            axis.ticks.iter_mut().for_each(|(_, label)| *label = format!("10^{{{label}}}"));
        }
        Some(axis)
    }

    /// Where a value is on the axis: 0 at its low end, 1 at its high end.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// The one of 1, 2 and 5 times a power of ten that is nearest to `step`, as a ratio.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factors = [(1.0, 2f64.sqrt()), (2.0, 10f64.sqrt()), (5.0, 50f64.sqrt())];
    factors.into_iter().find(|&(_, below)| step / power < below).map_or(10.0, |(factor, _)| factor) * power
}

/// A number with a minus sign, not a hyphen.
fn label(at: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", at.abs());
    let zero = text.chars().all(|letter| matches!(letter, '0' | '.'));
    if at < 0.0 && !zero { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        Axis::around(values.iter().copied(), 5.0).unwrap().ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&[-4.1, -2.6]), ["−4.0", "−3.5", "−3.0"]);
        assert_eq!(labels(&[0.0, 0.8]), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(&[f64::NAN, 100.0, 900.0]), ["200", "400", "600", "800"]);
        assert!((3..=7).contains(&labels(&[-3.0]).len()));
        assert_eq!(Axis::around([f64::INFINITY].into_iter(), 5.0), None);
    }

    #[test]
    fn ticks_of_whole_numbers_are_whole() {
        let labels = |values: [f64; 2]| -> Vec<String> {
            let axis = Axis::around_whole(values.into_iter(), 6.0).unwrap();
            axis.ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels([1.0, 5.0]), ["1", "2", "3", "4", "5"]);
        assert_eq!(labels([3.0, 3.0]), ["3"]);
        assert_eq!(labels([1.0, 500.0]), ["0", "100", "200", "300", "400", "500"]);
    }

    #[test]
    fn ticks_of_logarithms_are_powers_of_ten_or_one_two_and_five_times_them() {
        let labels = |values: &[f64]| -> Vec<String> {
            let axis = Axis::around_decades(values.iter().copied(), 5.0).unwrap();
            axis.ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(&[0.02, 0.08]), ["0.02", "0.05"]);
        assert_eq!(labels(&[0.0, 900.0, 2300.0, f64::INFINITY]), ["1000", "2000"]);
        assert_eq!(labels(&[3.2e4, 1.2e5]), ["5·10^{4}", "10^{5}"]);
        assert_eq!(labels(&[2e-5, 3e4]), ["10^{−4}", "10^{−2}", "10^{0}", "10^{2}", "10^{4}"]);
        assert!(!labels(&[7.0]).is_empty());
        assert_eq!(Axis::around_decades([0.0, -1.0].into_iter(), 5.0), None);
    }

    #[test]
    fn places_run_from_end_to_end() {
        let axis = Axis::around([1.0, 3.0].into_iter(), 4.0).unwrap();
        assert_eq!((axis.place(axis.low), axis.place(axis.high), axis.place(2.0)), (0.0, 1.0, 0.5));
    }
}
