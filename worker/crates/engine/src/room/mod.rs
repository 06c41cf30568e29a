//! One room: its endpoints, what they publish, and who sees and hears what.

mod allocation;
mod codecs_wanted;
pub(crate) mod endpoint;
mod feedback;
mod forward;
mod key_frames;
mod layer;
mod line;
mod membership;
mod mix;
mod picture_size;
mod probe;
mod publish;
mod replay;
mod reports;
mod restore;
mod tiles;
mod transport;
mod unasked;
mod voices;

use parley_rtp::time::Micros;
use parley_wire::{EndpointId, RoomId};

use crate::audio::SpeakerSelector;
use crate::shared::{EndpointTimer, RoomTimer, Shared, Timer};
use crate::slab::{Key, Slab};
use endpoint::Endpoint;
use layer::{Layer, Viewer};
use mix::RoomMix;

pub(crate) use endpoint::Refusal;

/// Where a fan-out stopped because the send buffer was full.
#[derive(Clone, Copy, Debug, Default)]
struct FanOut {
    viewer: usize,
}

/// The media half of a conference.
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) key: Key,
    /// The engine knows that it has work.
    pub(crate) is_queued: bool,
    endpoints: Slab<Box<Endpoint>>,
    layers: Slab<Box<Layer>>,
    /// Layers with packets that nobody has got yet.
    ready: Vec<Key>,
    fan_out: FanOut,
    /// Endpoints whose lists have changed and are to be announced.
    changed: Vec<Key>,
    speakers: SpeakerSelector,
    speakers_armed: bool,
    /// When `speakers` was announced last, and whether it is untrue by now.
    speakers_announced: Option<Micros>,
    speakers_changed: bool,
    voices_stale: bool,
    tiles_stale: bool,
    tiles_armed: bool,
    /// When it was last judged in which codecs publishers should send.
    codecs_judged: Option<Micros>,
    /// Lines that catch up out of a cache.
    replays: Vec<Viewer>,
    replays_due: bool,
    replays_armed: bool,
    mix: Option<Box<RoomMix>>,
}

impl Room {
    pub(crate) fn new(id: RoomId, key: Key) -> Self {
        Self {
            id,
            key,
            is_queued: false,
            endpoints: Slab::default(),
            layers: Slab::default(),
            ready: Vec::new(),
            fan_out: FanOut::default(),
            changed: Vec::new(),
            speakers: SpeakerSelector::new(),
            speakers_armed: false,
            speakers_announced: None,
            speakers_changed: false,
            voices_stale: false,
            tiles_stale: false,
            tiles_armed: false,
            codecs_judged: None,
            replays: Vec::new(),
            replays_due: false,
            replays_armed: false,
            mix: None,
        }
    }

    /// Everybody in it, connected or not.
    pub(crate) fn endpoint_ids(&self) -> Vec<EndpointId> {
        self.endpoints
            .iter()
            .map(|(_, endpoint)| endpoint.id)
            .collect()
    }

    /// Whether somebody hears the mix.
    pub(crate) fn mixes(&self) -> bool {
        self.mix.as_ref().is_some_and(|mix| mix.is_heard())
    }

    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().map(|(_, endpoint)| endpoint.as_ref())
    }

    /// Handles a timer of this room.
    pub(crate) fn on_timer(&mut self, timer: RoomTimer, shared: &mut Shared) {
        match timer {
            RoomTimer::KeyFrame(layer) => self.on_key_frame_timer(layer, shared),
            RoomTimer::Speakers => self.on_speakers_timer(shared),
            RoomTimer::Tiles => self.on_tiles_timer(shared),
            RoomTimer::Replay => self.on_replay_timer(),
            RoomTimer::Mix => self.on_mix_timer(shared),
        }
    }

    /// Handles a timer of one endpoint.
    pub(crate) fn on_endpoint_timer(
        &mut self,
        key: Key,
        timer: EndpointTimer,
        shared: &mut Shared,
    ) {
        match timer {
            EndpointTimer::Dtls => self.on_dtls_timer(key, shared),
            EndpointTimer::Path => self.on_path_timer(key, shared),
            EndpointTimer::Report => self.on_report_timer(key, shared),
            EndpointTimer::Feedback => self.on_feedback_timer(key, shared),
            EndpointTimer::Nack => self.on_nack_timer(key, shared),
            EndpointTimer::Probe => self.on_probe_timer(key, shared),
        }
    }

    /// Whether packets or announcements wait to go out.
    pub(crate) fn has_work(&self) -> bool {
        !self.ready.is_empty()
            || self.voices_stale
            || self.tiles_stale
            || self.replays_due
            || !self.changed.is_empty()
            || self.mix.as_ref().is_some_and(|mix| mix.has_work())
    }

    /// Brings slots and tiles up to date, then sends what came since the last time. False: the
    /// send buffer is full and there is more.
    pub(crate) fn work(&mut self, shared: &mut Shared) -> bool {
        if std::mem::take(&mut self.voices_stale) {
            self.update_voices(shared);
        }
        if std::mem::take(&mut self.tiles_stale) {
            self.update_tiles(shared);
        }
        let is_done = self.fan_out(shared) && self.send_replays(shared) && self.send_mix(shared);
        self.announce(shared);
        is_done
    }

    fn arm(&self, delay_us: u64, timer: RoomTimer, shared: &mut Shared) {
        shared.after(delay_us, Timer::Room(self.key, timer));
    }
}
