//! Who speaks, whose voices are forwarded, and who is the active speaker.
//!
//! Everything is judged from the loudness that senders tell with each packet; nothing is decoded.
//! Three rules keep it calm: a voice is speech only above its own background, a forwarded voice is
//! displaced only by one that speaks while it does not (or is much louder for a while), and the
//! active speaker changes at most once a second.

use std::collections::BTreeMap;

use parley_rtp::time::Micros;

use super::limits::{FRAME, VOICES};
use super::{AudioLevel, VoiceId};

/// What changed in a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeakerChange {
    /// The forwarded voices.
    pub voices: bool,
    /// The active speaker.
    pub active: bool,
    /// The set of those who speak.
    pub speaking: bool,
}

impl SpeakerChange {
    /// Whether anything changed.
    pub fn any(self) -> bool {
        self.voices || self.active || self.speaking
    }
}

/// Speaker selection of one room.
#[derive(Clone, Debug, Default)]
pub struct SpeakerSelector {
    voices: BTreeMap<VoiceId, Voice>,
    /// At most [`VOICES`] that everybody hears, and behind them one more that only those hear who
    /// are among them, so that they too hear as many.
    selected: Vec<VoiceId>,
    active: Option<VoiceId>,
    active_since: Option<Micros>,
    speaking: Vec<VoiceId>,
    next_tick: Option<Micros>,
    earliest_tick: Micros,
    has_news: bool,
    order: u64,
}

#[derive(Clone, Debug)]
struct Voice {
    /// Smoothed over some packets. Units: dB above silence.
    loudness: f32,
    /// Of its words, without the pauses; smoothed over half a second.
    lasting: f32,
    /// What it sounds like between words.
    background: f32,
    last_packet: Micros,
    /// Since when it has been above its background without a pause.
    loud_since: Option<Micros>,
    last_loud: Option<Micros>,
    /// Since when it has spoken.
    speaking_since: Option<Micros>,
    /// Since when it has been much louder than the quietest forwarded one.
    louder_since: Option<Micros>,
    /// Since when it would be the better active speaker.
    leading_since: Option<Micros>,
    joined: u64,
}

/// Weights of a new packet, growing louder and growing quieter.
const ATTACK: f32 = 0.5;
const RELEASE: f32 = 0.15;
/// Weight of a new loud packet in the lasting loudness.
const LASTING: f32 = 0.05;
/// The background falls to a quieter packet by this share and rises this much with each packet
/// (1.5 dB a second).
const BACKGROUND_FALL: f32 = 0.2;
const BACKGROUND_RISE: f32 = 0.03;
/// Speech is this much above its background.
const ABOVE_BACKGROUND: f32 = 9.0;
/// Always quiet below -55 dBov and always loud above -45.
const QUIET_MAX: f32 = 72.0;
const LOUD_MIN: f32 = 82.0;
/// Loudness assumed where the sender does not tell: somebody speaks.
const UNTOLD: f32 = 97.0;
/// How long a voice must be loud before it speaks: a click is shorter.
const SPEECH_US: u64 = 60_000;
/// How long it goes on speaking after it was last loud: pauses between words are shorter.
const HANG_US: u64 = 500_000;
/// No packet for so long is silence.
const PACKETS_END_US: u64 = 100_000;
/// By how much and how long a voice must be louder to displace one that speaks itself.
const DISPLACE_DB: f32 = 6.0;
const DISPLACE_US: u64 = 1_000_000;
/// How long a voice must speak, or be the louder of two, to become the active speaker.
const LEAD_US: u64 = 300_000;
const LEAD_OVER_SPEAKER_US: u64 = 600_000;
const LEAD_DB: f32 = 3.0;
/// Time between two changes of the active speaker.
const ACTIVE_US_MIN: u64 = 1_000_000;

impl SpeakerSelector {
    /// Nobody there.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a publishing endpoint a candidate. Idempotent. Those who only listen are never added.
    pub fn add(&mut self, now: Micros, id: VoiceId) {
        let joined = self.order;
        if let std::collections::btree_map::Entry::Vacant(entry) = self.voices.entry(id) {
            entry.insert(Voice::new(now, joined));
            self.order += 1;
            self.wake(now);
        }
    }

    /// Removes one that left or muted. Idempotent.
    pub fn remove(&mut self, now: Micros, id: VoiceId) {
        if self.voices.remove(&id).is_some() {
            self.has_news = true;
            self.wake(now);
        }
    }

    /// Takes note of a voice packet. `level` is none where the sender does not tell.
    /// Cost: one look-up. Unknown ids are ignored.
    pub fn observe(
        &mut self,
        now: Micros,
        id: VoiceId,
        level: Option<AudioLevel>,
        is_silence: bool,
    ) {
        let Some(voice) = self.voices.get_mut(&id) else {
            return;
        };
        let loudness = match level {
            _ if is_silence => 0.0,
            Some(level) => 127.0 - f32::from(level.minus_dbov.min(127)),
            None => UNTOLD,
        };
        voice.heard(now, loudness);
        self.wake(now);
    }

    /// When `tick` wants to be called; none while all is quiet and settled.
    pub fn deadline(&self) -> Option<Micros> {
        self.next_tick
    }

    /// Judges anew. Cheap enough for every 20 ms.
    pub fn tick(&mut self, now: Micros) -> SpeakerChange {
        let is_removed = std::mem::take(&mut self.has_news);
        for voice in self.voices.values_mut() {
            voice.settle(now);
        }
        let change = SpeakerChange {
            speaking: self.judge_speaking(),
            voices: self.select(now, is_removed),
            active: self.judge_active(now),
        };
        self.earliest_tick = now + FRAME;
        let is_quiet = self.voices.values().all(Voice::is_settled);
        self.next_tick = if is_quiet {
            None
        } else {
            Some(self.earliest_tick)
        };
        change
    }

    /// Whether anybody may get this voice forwarded.
    pub fn is_selected(&self, id: VoiceId) -> bool {
        self.selected.contains(&id)
    }

    /// Whose voices `listener` should hear, most important first, never its own: at most
    /// [`VOICES`].
    pub fn voices_for(&self, listener: VoiceId) -> impl Iterator<Item = VoiceId> + Clone + '_ {
        self.selected
            .iter()
            .copied()
            .filter(move |id| *id != listener)
            .take(VOICES)
    }

    /// The active speaker; the last one while nobody speaks.
    pub fn active(&self) -> Option<VoiceId> {
        self.active
    }

    /// Everybody who speaks now, by id.
    pub fn speaking(&self) -> &[VoiceId] {
        &self.speaking
    }

    fn wake(&mut self, now: Micros) {
        if self.next_tick.is_none() {
            self.next_tick = Some(now.max(self.earliest_tick));
        }
    }

    fn judge_speaking(&mut self) -> bool {
        let speaking = self.voices.iter().filter(|(_, voice)| voice.is_speaking());
        if speaking.clone().map(|(id, _)| id).eq(&self.speaking) {
            return false;
        }
        let speaking = speaking.map(|(id, _)| *id).collect();
        self.speaking = speaking;
        true
    }

    fn select(&mut self, now: Micros, is_removed: bool) -> bool {
        let before = self.selected.clone();
        if is_removed {
            self.selected.retain(|id| self.voices.contains_key(id));
        }
        // Free places go to the best of the others, the spare one last.
        while self.selected.len() <= VOICES {
            let Some(best) = self.best_unselected() else {
                break;
            };
            self.selected.push(best);
        }
        self.promote_spare(now);
        if self.selected.len() > VOICES
            && let Some(best) = self.best_unselected()
            && self.is_better(best, self.selected[VOICES])
        {
            self.selected[VOICES] = best;
        }
        before != self.selected
    }

    /// Gives a place among the first to a speaker without one, where somebody there is silent or
    /// much quieter.
    fn promote_spare(&mut self, now: Micros) {
        loop {
            let head = self.selected.len().min(VOICES);
            let challenger = self
                .voices
                .iter()
                .filter(|(id, voice)| voice.is_speaking() && !self.selected[..head].contains(id))
                .max_by(|a, b| a.1.lasting.total_cmp(&b.1.lasting))
                .map(|(id, _)| *id);
            let Some(challenger) = challenger else { return };
            let Some(place) = self.place_for(challenger, now, head) else {
                return;
            };
            let victim = std::mem::replace(&mut self.selected[place], challenger);
            // Where the challenger was the spare, the one who made room becomes it.
            for spare in self.selected.iter_mut().skip(head) {
                if *spare == challenger {
                    *spare = victim;
                }
            }
        }
    }

    fn place_for(&mut self, challenger: VoiceId, now: Micros, head: usize) -> Option<usize> {
        let voices = &self.voices;
        let places = || self.selected[..head].iter().enumerate();
        let silent = places()
            .filter_map(|(place, id)| Some((place, voices.get(id)?)))
            .filter(|(_, voice)| !voice.is_speaking())
            .min_by_key(|(_, voice)| (voice.last_loud, voice.joined));
        if let Some((place, _)) = silent {
            return Some(place);
        }
        let (place, quietest) = places()
            .filter_map(|(place, id)| Some((place, voices.get(id)?.lasting)))
            .min_by(|a, b| a.1.total_cmp(&b.1))?;
        let voice = self.voices.get_mut(&challenger)?;
        if voice.lasting < quietest + DISPLACE_DB {
            voice.louder_since = None;
            return None;
        }
        let since = *voice.louder_since.get_or_insert(now);
        (now.micros_since(since) >= DISPLACE_US).then(|| {
            voice.louder_since = None;
            place
        })
    }

    fn best_unselected(&self) -> Option<VoiceId> {
        let others = self.voices.keys().filter(|id| !self.selected.contains(id));
        others
            .copied()
            .reduce(|best, id| if self.is_better(id, best) { id } else { best })
    }

    /// Speaking before silent, then who spoke last, then who came first.
    fn is_better(&self, a: VoiceId, b: VoiceId) -> bool {
        let rank = |id: VoiceId| {
            let voice = self.voices.get(&id)?;
            Some((
                voice.is_speaking(),
                voice.last_loud,
                std::cmp::Reverse(voice.joined),
            ))
        };
        rank(a) > rank(b)
    }

    fn judge_active(&mut self, now: Micros) -> bool {
        if self.active.is_some_and(|id| !self.voices.contains_key(&id)) {
            // It left: the next one need not wait.
            self.active = None;
            self.active_since = None;
            let next = self.loudest_speaker();
            self.set_active(now, next);
            return true;
        }
        let Some(loudest) = self.loudest_speaker().filter(|id| Some(*id) != self.active) else {
            self.voices
                .values_mut()
                .for_each(|voice| voice.leading_since = None);
            return false;
        };
        let current = self.active.and_then(|id| self.voices.get(&id));
        let rival = current
            .filter(|voice| voice.is_speaking())
            .map(|voice| voice.lasting);
        for (id, voice) in &mut self.voices {
            let leads = *id == loudest && rival.is_none_or(|rival| voice.lasting > rival + LEAD_DB);
            voice.leading_since = if leads {
                voice.leading_since.or(Some(now))
            } else {
                None
            };
        }
        let needed = if rival.is_some() {
            LEAD_OVER_SPEAKER_US
        } else {
            LEAD_US
        };
        let Some(voice) = self.voices.get(&loudest) else {
            return false;
        };
        let spoken = voice
            .speaking_since
            .map_or(0, |since| now.micros_since(since));
        let led = voice.leading_since.map(|since| now.micros_since(since));
        let is_due = match (rival, led) {
            (_, None) => false,
            (None, Some(_)) => spoken >= needed,
            (Some(_), Some(led)) => led >= needed,
        };
        let is_calm = self
            .active_since
            .is_none_or(|since| now.micros_since(since) >= ACTIVE_US_MIN);
        if is_due && is_calm {
            self.set_active(now, Some(loudest));
        }
        is_due && is_calm
    }

    fn set_active(&mut self, now: Micros, id: Option<VoiceId>) {
        self.active = id;
        self.active_since = id.map(|_| now);
        self.voices
            .values_mut()
            .for_each(|voice| voice.leading_since = None);
    }

    fn loudest_speaker(&self) -> Option<VoiceId> {
        let speaking = self.voices.iter().filter(|(_, voice)| voice.is_speaking());
        speaking
            .max_by(|a, b| a.1.lasting.total_cmp(&b.1.lasting))
            .map(|(id, _)| *id)
    }
}

impl Voice {
    fn new(now: Micros, joined: u64) -> Self {
        Self {
            loudness: 0.0,
            lasting: 0.0,
            background: QUIET_MAX - ABOVE_BACKGROUND,
            last_packet: now,
            loud_since: None,
            last_loud: None,
            speaking_since: None,
            louder_since: None,
            leading_since: None,
            joined,
        }
    }

    fn heard(&mut self, now: Micros, loudness: f32) {
        self.last_packet = now;
        let share = if loudness > self.loudness {
            ATTACK
        } else {
            RELEASE
        };
        self.loudness += (loudness - self.loudness) * share;
        if loudness < self.background {
            // What is quiet anyway need not be known any better.
            let fallen = self.background + (loudness - self.background) * BACKGROUND_FALL;
            self.background = fallen.max(QUIET_MAX - ABOVE_BACKGROUND);
        } else {
            self.background += BACKGROUND_RISE;
        }
        let threshold = (self.background + ABOVE_BACKGROUND).clamp(QUIET_MAX, LOUD_MIN);
        if self.loudness < threshold {
            self.loud_since = None;
            return;
        }
        self.lasting += (loudness - self.lasting) * LASTING;
        let since = *self.loud_since.get_or_insert(now);
        self.last_loud = Some(now);
        if now.micros_since(since) >= SPEECH_US && self.speaking_since.is_none() {
            self.speaking_since = Some(since);
        }
    }

    /// Lets time pass.
    fn settle(&mut self, now: Micros) {
        if now.micros_since(self.last_packet) > PACKETS_END_US {
            self.loudness = 0.0;
            self.loud_since = None;
        }
        if self
            .last_loud
            .is_none_or(|last| now.micros_since(last) > HANG_US)
        {
            self.speaking_since = None;
            self.lasting = 0.0;
        }
    }

    fn is_speaking(&self) -> bool {
        self.speaking_since.is_some()
    }

    fn is_settled(&self) -> bool {
        self.loud_since.is_none() && self.speaking_since.is_none()
    }
}
