//! Bandwidth probes: for a moment more is sent than there is, to learn whether the path carries it.
//! What is sent besides are packets that the viewer has, once more on the RTX SSRC: they repair what
//! was lost, and are dropped where nothing was.

use parley_rtp::bandwidth::BandwidthEstimator as _;
use parley_rtp::time::Micros;

use crate::limits;
use crate::room::Room;
use crate::room::endpoint::Endpoint;
use crate::room::forward::send_again;
use crate::room::layer::Layer;
use crate::shared::{EndpointTimer, Shared, Timer};
use crate::slab::{Key, Slab};

/// A probe that is being sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunningProbe {
    pub(crate) id: u16,
    bytes_per_second: u64,
    started: Micros,
    /// Bytes that had left when it started, media included.
    before: u64,
    /// Bytes to send in all.
    bytes: u64,
}

impl RunningProbe {
    /// Bytes that should have left by now.
    fn due(&self, now: Micros) -> u64 {
        // One step ahead, because the first part leaves at the start.
        let passed = now.micros_since(self.started) + limits::PROBE_STEP_US;
        (self.bytes_per_second * passed / 1_000_000).min(self.bytes)
    }
}

impl Room {
    /// Starts a probe where the estimator wants one and there is something to fill it with.
    pub(super) fn start_probe(&mut self, key: Key, shared: &mut Shared) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        if endpoint.probe.is_some() || filling_line(endpoint, layers).is_none() {
            return;
        }
        let wanted = endpoint
            .estimator
            .as_mut()
            .and_then(|estimator| estimator.probe(shared.now));
        let Some(wanted) = wanted else { return };
        endpoint.probe = Some(RunningProbe {
            id: wanted.id,
            bytes_per_second: wanted.rate_bps / 8,
            started: shared.now,
            before: endpoint.tally.bytes_out,
            bytes: wanted.bytes.min(limits::PROBE_BYTES_MAX) as u64,
        });
        self.on_probe_timer(key, shared);
    }

    /// Sends the next part of a probe.
    pub(super) fn on_probe_timer(&mut self, key: Key, shared: &mut Shared) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        let Some(probe) = endpoint.probe else { return };
        let due = probe.due(shared.now);
        if !fill(endpoint, layers, &probe, due, shared) || due >= probe.bytes {
            endpoint.probe = None;
            return;
        }
        let timer = Timer::Endpoint(endpoint.key, EndpointTimer::Probe);
        shared.after(limits::PROBE_STEP_US, timer);
    }
}

/// A line that can repeat packets of what it shows.
fn filling_line(endpoint: &Endpoint, layers: &Slab<Box<Layer>>) -> Option<usize> {
    endpoint.send.iter().position(|line| {
        let layer = line.current.and_then(|layer| layers.get(layer));
        line.parameters.rtx_ssrc.is_some()
            && layer.is_some_and(|layer| {
                layer.cache.newest().is_some()
                    && line
                        .payload_types(layer.codec)
                        .is_some_and(|types| types.rtx.is_some())
            })
    })
}

/// Repeats the newest packets until `due` bytes of the probe have left. False: there is nothing to
/// repeat any more.
fn fill(
    endpoint: &mut Endpoint,
    layers: &Slab<Box<Layer>>,
    probe: &RunningProbe,
    due: u64,
    shared: &mut Shared,
) -> bool {
    let Some(place) = filling_line(endpoint, layers) else {
        return false;
    };
    let layer = endpoint.send[place]
        .current
        .and_then(|layer| layers.get(layer));
    let Some((layer, newest)) = layer.and_then(|layer| Some((layer, layer.cache.newest()?))) else {
        return false;
    };
    let mut index = newest;
    let mut has_sent = false;
    while endpoint.tally.bytes_out - probe.before < due {
        if layer.cache.get(index).is_none() {
            if !has_sent {
                return false;
            }
            // Once through what is cached; from the newest again.
            index = newest;
        }
        if !send_again(endpoint, place, layer, index, shared) {
            if !has_sent {
                return false;
            }
            index = newest;
            has_sent = false;
            continue;
        }
        has_sent = true;
        endpoint.tally.padding_out += 1;
        index = index.saturating_sub(1);
    }
    true
}
