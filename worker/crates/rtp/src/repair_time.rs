//! How long a publisher takes to repair a loss: from asking for a packet to its coming.

use std::time::Duration;

/// The mean and the spread of repair times.
///
/// It stands for the round trip where nothing else tells it: a publisher that receives nothing sends
/// no reports from which it could be computed. Source: RFC 6298 section 2, for what smooths it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairTime(Option<Known>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    mean: Duration,
    spread: Duration,
}

impl RepairTime {
    /// Takes the time that a packet took that had been asked for once: of several requests nobody
    /// knows which was answered.
    pub fn add(&mut self, took: Duration) {
        self.0 = Some(match self.0 {
            None => Known {
                mean: took,
                spread: took / 2,
            },
            Some(known) => Known {
                mean: (known.mean * 7 + took) / 8,
                spread: (known.spread * 3 + known.mean.abs_diff(took)) / 4,
            },
        });
    }

    /// When a repair that has not come is lost, most likely; none before the first repair.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.0.map(|known| known.mean + known.spread * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_steady_path_is_trusted_more_with_each_repair() {
        let mut time = RepairTime::default();
        assert_eq!(time.patience(), None);
        time.add(ms(40));
        assert_eq!(time.patience(), Some(ms(80)));
        for _ in 0..30 {
            time.add(ms(40));
        }
        let patience = time.patience().unwrap();
        assert!((ms(40)..ms(42)).contains(&patience), "{patience:?}");
    }

    #[test]
    fn an_uneven_path_is_waited_for_longer_than_its_mean() {
        let mut time = RepairTime::default();
        for index in 0..40 {
            time.add(ms(40 + index % 2 * 20));
        }
        let patience = time.patience().unwrap();
        assert!((ms(60)..ms(80)).contains(&patience), "{patience:?}");
    }
}
