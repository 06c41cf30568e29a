//! Who speaks, whose voices are forwarded, and who is the active speaker.
//!
//! Everything is judged from the loudness that senders tell with each packet; nothing is decoded.
//! The voices are kept in one order, so that a listener with `n` slots hears the first `n` of it,
//! whatever `n` is. Four rules keep it calm: a voice is speech only above its own background, a pause
//! between words costs no place as long as nobody without one talks, of two who talk the louder one
//! goes first only when it has been louder all the time for a while (or is clearly louder on average),
//! and the active speaker changes at most once a second.

use std::collections::BTreeMap;

use parley_rtp::time::Micros;

use super::limits::{FRAME, VOICES_MAX};
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
    /// Most important first: at most [`VOICES_MAX`], and one more for those who are among them, so
    /// that they too hear as many.
    selected: Vec<VoiceId>,
    /// Room for the next judgement, kept so that a tick takes no memory.
    ranking: Vec<Rank>,
    before: Vec<VoiceId>,
    active: Option<VoiceId>,
    active_since: Option<Micros>,
    speaking: Vec<VoiceId>,
    next_tick: Option<Micros>,
    earliest_tick: Micros,
    order: u64,
}

/// What the order of the voices is judged from.
#[derive(Clone, Copy, Debug)]
struct Rank {
    id: VoiceId,
    /// Its place so far; those without one come after all others.
    place: usize,
    standing: Standing,
    /// The quietest and the loudest it has been lately, and what it is on average.
    floor: f32,
    ceiling: f32,
    lasting: f32,
    is_steady: bool,
    last_spoken: Option<Micros>,
    joined: u64,
}

/// From the least to the most important.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Silent,
    /// Between two words.
    Pausing,
    Talking,
}

#[derive(Clone, Debug)]
struct Voice {
    /// Smoothed over some packets. Units: dB above silence.
    loudness: f32,
    /// Of its words, without the pauses; smoothed over half a second.
    lasting: f32,
    /// Packets in `lasting`.
    words: u16,
    /// Loudness of its last loud beats, without the pauses.
    recent: [Beat; RECENT_BEATS],
    next_recent: usize,
    /// The beat that is being heard.
    beat: Option<Beat>,
    /// When a packet was above its background by itself.
    last_word: Option<Micros>,
    /// When it spoke last; a click is not speech.
    last_spoken: Option<Micros>,
    /// What it sounds like between words.
    background: f32,
    last_packet: Micros,
    /// Since when it has been above its background without a pause.
    loud_since: Option<Micros>,
    last_loud: Option<Micros>,
    /// Since when it has spoken.
    speaking_since: Option<Micros>,
    /// Since when it would be the better active speaker.
    leading_since: Option<Micros>,
    joined: u64,
}

/// The quietest and the loudest packet of a beat.
#[derive(Clone, Copy, Debug, Default)]
struct Beat {
    floor: f32,
    ceiling: f32,
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
/// A pause from here on gives the place to one who talks on without a place. With a beat and the
/// way of a packet this is below the 200 ms in which the loudest are to be heard.
const PAUSE_US: u64 = 120_000;
/// Beats in each of which a voice must be louder than another one was in all of them to go before
/// it: 140 ms. Voices of people rarely are, unless one really is louder.
const RECENT_BEATS: usize = 7;
/// Or by how much it must be louder on average, and how long it must have spoken for an average.
const DISPLACE_DB: f32 = 3.0;
const DISPLACE_US: u64 = 140_000;
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
        for voice in self.voices.values_mut() {
            voice.settle(now);
        }
        let change = SpeakerChange {
            speaking: self.judge_speaking(),
            voices: self.select(now),
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
    /// [`VOICES_MAX`]. Who has fewer slots hears the first.
    pub fn voices_for(&self, listener: VoiceId) -> impl Iterator<Item = VoiceId> + Clone + '_ {
        self.selected
            .iter()
            .copied()
            .filter(move |id| *id != listener)
            .take(VOICES_MAX)
    }

    /// The forwarded voices, most important first.
    pub fn ranked(&self) -> impl Iterator<Item = VoiceId> + '_ {
        self.selected.iter().copied()
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

    /// Puts the voices in order anew. A voice keeps its place before the next one unless that one is
    /// to go before it; so for each number of slots the ones heard are not outdone by one unheard.
    fn select(&mut self, now: Micros) -> bool {
        self.ranking.clear();
        let selected = &self.selected;
        self.ranking.extend(self.voices.iter().map(|(id, voice)| {
            let place = selected.iter().position(|known| known == id);
            voice.rank(now, *id, place.unwrap_or(usize::MAX))
        }));
        // Those who talk and those who pause stay as they were, a newcomer behind them; the silent
        // ones by who spoke last, then by who came first.
        self.ranking.sort_by(|a, b| {
            let recency = |rank: &Rank| match rank.standing {
                Standing::Silent => (0, rank.last_spoken),
                _ => (usize::MAX - rank.place, rank.last_spoken),
            };
            let order = b.standing.cmp(&a.standing);
            let order = order.then_with(|| recency(b).cmp(&recency(a)));
            order.then(a.joined.cmp(&b.joined))
        });
        std::mem::swap(&mut self.before, &mut self.selected);
        self.selected.clear();
        while self.selected.len() <= VOICES_MAX && !self.ranking.is_empty() {
            let best = self.ranking.remove(foremost(&self.ranking));
            self.selected.push(best.id);
        }
        self.before != self.selected
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
            words: 0,
            recent: [Beat::default(); RECENT_BEATS],
            next_recent: 0,
            beat: None,
            last_word: None,
            last_spoken: None,
            background: QUIET_MAX - ABOVE_BACKGROUND,
            last_packet: now,
            loud_since: None,
            last_loud: None,
            speaking_since: None,
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
        if loudness >= threshold {
            self.last_word = Some(now);
            let beat = self.beat.unwrap_or(Beat {
                floor: loudness,
                ceiling: loudness,
            });
            self.beat = Some(Beat {
                floor: beat.floor.min(loudness),
                ceiling: beat.ceiling.max(loudness),
            });
            self.words = self.words.saturating_add(1);
            let share = (1.0 / f32::from(self.words)).max(LASTING);
            self.lasting += (loudness - self.lasting) * share;
        }
        if self.loudness < threshold {
            self.loud_since = None;
            return;
        }
        let since = *self.loud_since.get_or_insert(now);
        self.last_loud = Some(now);
        if now.micros_since(since) >= SPEECH_US && self.speaking_since.is_none() {
            self.speaking_since = Some(since);
        }
    }

    /// Lets time pass.
    fn settle(&mut self, now: Micros) {
        // Packets do not come on the beat: one without a packet was as loud as the one before.
        let is_talking = self.is_talking(now);
        let last = (self.next_recent + RECENT_BEATS - 1) % RECENT_BEATS;
        if let Some(beat) = self.beat.take().or(is_talking.then_some(self.recent[last])) {
            self.recent[self.next_recent] = beat;
            self.next_recent = (self.next_recent + 1) % RECENT_BEATS;
        }
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
            self.words = 0;
            self.recent = [Beat::default(); RECENT_BEATS];
        }
        if self.is_speaking() {
            self.last_spoken = self.last_loud;
        }
    }

    /// Whether it says a word now.
    fn is_talking(&self, now: Micros) -> bool {
        self.last_word
            .is_some_and(|last| now.micros_since(last) <= PAUSE_US)
    }

    fn rank(&self, now: Micros, id: VoiceId, place: usize) -> Rank {
        let standing = match (self.is_speaking(), self.is_talking(now)) {
            (false, _) => Standing::Silent,
            (true, false) => Standing::Pausing,
            (true, true) => Standing::Talking,
        };
        let floors = self.recent.iter().map(|beat| beat.floor);
        let ceilings = self.recent.iter().map(|beat| beat.ceiling);
        Rank {
            id,
            place,
            standing,
            floor: floors.fold(f32::INFINITY, f32::min),
            ceiling: ceilings.fold(0.0, f32::max),
            lasting: self.lasting,
            is_steady: self
                .speaking_since
                .is_some_and(|since| now.micros_since(since) >= DISPLACE_US),
            last_spoken: self.last_spoken,
            joined: self.joined,
        }
    }

    fn is_speaking(&self) -> bool {
        self.speaking_since.is_some()
    }

    fn is_settled(&self) -> bool {
        self.loud_since.is_none() && self.speaking_since.is_none()
    }
}

/// The place of the first of `ranking` before which no other one is to go. Only those who talk
/// contend; they come first.
fn foremost(ranking: &[Rank]) -> usize {
    let talking = ranking
        .iter()
        .take_while(|rank| rank.standing == Standing::Talking);
    let floor = talking.clone().map(|rank| rank.floor).fold(0.0, f32::max);
    let steady = talking.clone().filter(|rank| rank.is_steady);
    let loudest = steady.max_by(|a, b| a.lasting.total_cmp(&b.lasting));
    let is_outdone = |rank: &Rank| {
        loudest.is_some_and(|loudest| {
            loudest.lasting >= rank.lasting + DISPLACE_DB && rank.floor <= loudest.ceiling
        })
    };
    // Somebody's ceiling is not below the highest floor: at least that one's own.
    let is_level = |rank: &Rank| rank.ceiling >= floor;
    let first = talking
        .clone()
        .position(|rank| is_level(rank) && !is_outdone(rank));
    first
        .or_else(|| talking.clone().position(is_level))
        .unwrap_or(0)
}
