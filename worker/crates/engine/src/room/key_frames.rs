//! When to ask a publisher for a key frame: merged, not too often, and never when it would be
//! ignored.

use std::time::Duration;

use parley_rtp::time::Micros;

use crate::limits::{KEY_FRAME_QUIET_US, KEY_FRAME_REQUEST_INTERVAL_US};

/// The wishes for key frames of one layer.
///
/// A wish stays until a key frame begins after it; requests repeat until then, at most one each
/// [`KEY_FRAME_REQUEST_INTERVAL_US`]. Chromium's encoder drops requests that come less than
/// [`KEY_FRAME_QUIET_US`] after its last key frame, so those are put off instead.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyFrames {
    is_wanted: bool,
    asked: Option<Micros>,
    came: Option<Micros>,
}

impl KeyFrames {
    /// Somebody needs a key frame.
    pub(crate) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// A key frame has begun: all wishes so far are fulfilled.
    pub(crate) fn on_key_frame(&mut self, now: Micros) {
        self.is_wanted = false;
        self.came = Some(now);
    }

    /// Nobody needs one any more, e.g. because the layer fell silent.
    pub(crate) fn forget(&mut self) {
        self.is_wanted = false;
    }

    /// When the next request may go out; none where nobody wants one.
    pub(crate) fn due(&self) -> Option<Micros> {
        if !self.is_wanted {
            return None;
        }
        let after =
            |at: Option<Micros>, us| at.map_or(Micros(0), |at| at + Duration::from_micros(us));
        let interval = after(self.asked, KEY_FRAME_REQUEST_INTERVAL_US);
        Some(interval.max(after(self.came, KEY_FRAME_QUIET_US)))
    }

    /// Whether to ask now; if so, it counts as asked.
    pub(crate) fn ask(&mut self, now: Micros) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due {
            self.asked = Some(now);
        }
        is_due
    }

    /// The path was gone for a while, so a request may have been lost: the next may go out at once.
    pub(crate) fn on_recovery(&mut self) {
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;

    fn at(ms: u64) -> Micros {
        Micros(1_000_000 + ms * MS)
    }

    #[test]
    fn many_wishes_are_one_request_each_half_second_until_a_key_frame_comes() {
        let mut frames = KeyFrames::default();
        assert_eq!(frames.due(), None);
        let mut requests = Vec::new();
        for ms in 0..1200 {
            frames.want();
            if frames.ask(at(ms)) {
                requests.push(ms);
            }
        }
        assert_eq!(requests, [0, 500, 1000]);
        frames.on_key_frame(at(1200));
        assert_eq!(frames.due(), None);
    }

    #[test]
    fn a_wish_right_after_a_key_frame_is_put_off_not_dropped() {
        let mut frames = KeyFrames::default();
        frames.on_key_frame(at(0));
        frames.want();
        assert!(!frames.ask(at(100)));
        assert_eq!(frames.due(), Some(at(300)));
        assert!(frames.ask(at(300)));
    }

    #[test]
    fn a_recovered_path_asks_at_once() {
        let mut frames = KeyFrames::default();
        frames.want();
        assert!(frames.ask(at(0)));
        assert!(!frames.ask(at(100)));
        frames.on_recovery();
        assert!(frames.ask(at(100)));
    }
}
