//! Which layer each tile of a viewer gets: by the size it is shown in, then by what the path carries.

use crate::slab::Key;

/// A layer serves a tile whose size it reaches by this share; a little upscaling is not seen.
const SIZE_REACHED_PERCENT: u32 = 85;
/// Bits a second of a pixel, times ten, where a layer's rate is not known yet: 500 kbit/s for
/// 640x360.
const TENTH_BITS_PER_PIXEL: u64 = 22;

/// A layer that a tile could show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) layer: Key,
    pub(super) size: (u32, u32),
    pub(super) flows: bool,
    /// Measured bits a second.
    pub(super) rate: Option<u64>,
}

impl Candidate {
    /// Bits a second, measured or guessed from the size.
    pub(super) fn bits_per_second(&self) -> u64 {
        let guess = u64::from(self.size.0) * u64::from(self.size.1) * TENTH_BITS_PER_PIXEL / 10;
        self.rate.unwrap_or(guess)
    }
}

/// The smallest layer that is large enough, else the largest. Layers that flow go before those
/// that are silent: a layer vanishes without a word when the camera's size changes.
///
/// Shape: `candidates` by size, smallest first; the result is a place among them.
pub(super) fn choose(candidates: &[Candidate], width: u32, height: u32) -> Option<usize> {
    let is_enough = |place: &usize| {
        let (w, h) = candidates[*place].size;
        w * 100 >= width * SIZE_REACHED_PERCENT || h * 100 >= height * SIZE_REACHED_PERCENT
    };
    let all = || 0..candidates.len();
    let flowing = || all().filter(|place| candidates[*place].flows);
    let best = flowing().find(is_enough).or_else(|| flowing().next_back());
    best.or_else(|| all().find(is_enough))
        .or_else(|| all().next_back())
}

/// A tile that shows a source: what it could show, and what it should.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) line: usize,
    /// By size, smallest first.
    pub(super) candidates: Vec<Candidate>,
    pub(super) chosen: usize,
}

impl Choice {
    pub(super) fn chosen(&self) -> Candidate {
        self.candidates[self.chosen]
    }

    /// The next smaller layer that flows.
    fn lower(&self) -> Option<usize> {
        (0..self.chosen)
            .rev()
            .find(|place| self.candidates[*place].flows)
    }
}

/// What all chosen layers cost, bits a second.
pub(super) fn cost(choices: &[Choice]) -> u64 {
    choices
        .iter()
        .map(|choice| choice.chosen().bits_per_second())
        .sum()
}

/// Lowers layers, the dearest first, until they fit into `budget` bits a second or are the smallest.
pub(super) fn fit(choices: &mut [Choice], budget: u64) {
    while cost(choices) > budget {
        let dearest = choices
            .iter_mut()
            .filter(|choice| choice.lower().is_some())
            .max_by_key(|choice| choice.chosen().bits_per_second());
        let Some(dearest) = dearest else { return };
        dearest.chosen = dearest.lower().unwrap_or(dearest.chosen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    fn ladder(flows: [bool; 3]) -> Vec<Candidate> {
        let mut slab = Slab::default();
        let rungs = [
            ((320, 180), 150_000),
            ((640, 360), 500_000),
            ((1280, 720), 1_700_000),
        ];
        rungs
            .into_iter()
            .zip(flows)
            .map(|((size, rate), flows)| Candidate {
                layer: slab.insert(()),
                size,
                flows,
                rate: Some(rate),
            })
            .collect()
    }

    fn width(candidates: &[Candidate], wish: (u32, u32)) -> Option<u32> {
        choose(candidates, wish.0, wish.1).map(|place| candidates[place].size.0)
    }

    #[test]
    fn the_smallest_layer_that_fills_the_tile_is_chosen() {
        let all = ladder([true; 3]);
        assert_eq!(width(&all, (100, 60)), Some(320));
        assert_eq!(
            width(&all, (360, 200)),
            Some(320),
            "a little upscaling is not seen"
        );
        assert_eq!(width(&all, (400, 300)), Some(640));
        assert_eq!(width(&all, (1920, 1080)), Some(1280));
        assert_eq!(width(&all, (0, 0)), Some(320));
    }

    #[test]
    fn a_layer_that_fell_silent_gives_way_to_one_that_flows() {
        assert_eq!(width(&ladder([true, true, false]), (1280, 720)), Some(640));
        assert_eq!(width(&ladder([false, false, true]), (100, 60)), Some(1280));
        assert_eq!(width(&ladder([false; 3]), (640, 360)), Some(640));
        assert_eq!(width(&[], (640, 360)), None);
    }

    #[test]
    fn the_dearest_tile_gives_way_first_and_none_goes_dark() {
        let choice = |line, chosen| Choice {
            line,
            candidates: ladder([true; 3]),
            chosen,
        };
        let mut choices = [choice(0, 2), choice(1, 1), choice(2, 0)];
        assert_eq!(cost(&choices), 2_350_000);
        fit(&mut choices, 1_200_000);
        assert_eq!(choices.clone().map(|choice| choice.chosen), [1, 1, 0]);
        fit(&mut choices, 1);
        assert_eq!(choices.clone().map(|choice| choice.chosen), [0, 0, 0]);
    }

    #[test]
    fn a_silent_layer_is_no_way_down() {
        let mut choices = [Choice {
            line: 0,
            candidates: ladder([true, false, true]),
            chosen: 2,
        }];
        fit(&mut choices, 600_000);
        assert_eq!(choices[0].chosen, 0);
    }
}
