//! The voice lines of one endpoint: which of the selected voices is on which line.

use super::VoiceId;

/// Keeps every voice on the line it has for as long as it is selected, so that a change of one
/// voice disturbs no other.
#[derive(Clone, Debug)]
pub struct VoiceSlots {
    slots: Vec<Option<VoiceId>>,
}

impl VoiceSlots {
    /// `lines` empty slots.
    pub fn new(lines: usize) -> Self {
        Self {
            slots: vec![None; lines],
        }
    }

    /// Puts `voices` on the lines, most important first; those beyond the number of lines are left
    /// out. Answers whether anything changed.
    pub fn update(&mut self, voices: impl Iterator<Item = VoiceId> + Clone) -> bool {
        let voices = voices.take(self.slots.len());
        let mut has_changed = false;
        for slot in &mut self.slots {
            if slot.is_some_and(|voice| voices.clone().all(|wanted| wanted != voice)) {
                *slot = None;
                has_changed = true;
            }
        }
        for voice in voices {
            if self.line_of(voice).is_none()
                && let Some(free) = self.slots.iter_mut().find(|slot| slot.is_none())
            {
                *free = Some(voice);
                has_changed = true;
            }
        }
        has_changed
    }

    /// The line on which `voice` is heard.
    pub fn line_of(&self, voice: VoiceId) -> Option<usize> {
        self.slots.iter().position(|slot| *slot == Some(voice))
    }

    /// Line by line, whose voice is on it.
    pub fn iter(&self) -> impl Iterator<Item = Option<VoiceId>> + '_ {
        self.slots.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(slots: &mut VoiceSlots, voices: &[u32]) -> (bool, Vec<Option<u32>>) {
        let has_changed = slots.update(voices.iter().map(|id| VoiceId(*id)));
        (
            has_changed,
            slots.iter().map(|slot| slot.map(|voice| voice.0)).collect(),
        )
    }

    #[test]
    fn a_voice_stays_on_its_line_when_others_change() {
        let mut slots = VoiceSlots::new(3);
        assert_eq!(
            update(&mut slots, &[1, 2, 3]),
            (true, vec![Some(1), Some(2), Some(3)])
        );
        assert_eq!(
            update(&mut slots, &[3, 1, 2]),
            (false, vec![Some(1), Some(2), Some(3)])
        );
        assert_eq!(
            update(&mut slots, &[3, 1, 4]),
            (true, vec![Some(1), Some(4), Some(3)])
        );
        assert_eq!(update(&mut slots, &[3]), (true, vec![None, None, Some(3)]));
    }

    #[test]
    fn fewer_lines_than_voices_hear_the_most_important() {
        let mut slots = VoiceSlots::new(2);
        assert_eq!(
            update(&mut slots, &[7, 5, 9]),
            (true, vec![Some(7), Some(5)])
        );
        assert_eq!(slots.line_of(VoiceId(9)), None);
    }
}
