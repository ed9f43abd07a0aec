//! How long runs will take.

use std::time::Instant;

use missvae::data::Data;
use missvae::trainer::Trainer;

use crate::failure::Result;

/// Updates that are not measured, and the most that are.
const WARM_UP: u64 = 2;
const MEASURED: u64 = 20;
/// Seconds after which enough updates are measured.
const ENOUGH: f64 = 1.0;

/// Seconds of an update with the trainer's parameters: the median of some within the first epoch.
pub(super) fn seconds_of_update(trainer: &mut Trainer<f32>, rows: &Data<f32>) -> Result<f64> {
    // Within the first epoch, so that no epoch has to be ended.
    let most = trainer.updates_per_epoch(rows.rows());
    let mut seconds = Vec::new();
    for i in 0..most.min(WARM_UP + MEASURED) {
        let started = Instant::now();
        trainer.update(rows)?;
        let second = started.elapsed().as_secs_f64();
        if i >= WARM_UP || most <= WARM_UP {
            seconds.push(second);
        }
        if seconds.iter().sum::<f64>() > ENOUGH {
            break;
        }
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds.get(seconds.len() / 2).copied().unwrap_or(0.0))
}

/// How long works of so many seconds take if each is begun, in their order, as soon as one of `jobs` workers is free.
pub(super) fn elapsed(seconds: impl Iterator<Item = f64>, jobs: usize) -> f64 {
    let mut busy = vec![0.0f64; jobs];
    for seconds in seconds {
        if let Some(first) = busy.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            *first += seconds;
        }
    }
    busy.into_iter().fold(0.0, f64::max)
}

/// Seconds, in the unit that people would use.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::elapsed;

    #[test]
    fn workers_take_what_is_next() {
        let time = |jobs| elapsed([4.0, 1.0, 2.0, 3.0].into_iter(), jobs);
        assert_eq!((time(1), time(2), time(3), time(9)), (10.0, 6.0, 4.0, 4.0));
        assert_eq!(elapsed([].into_iter(), 2).to_bits(), 0.0f64.to_bits());
    }
}
