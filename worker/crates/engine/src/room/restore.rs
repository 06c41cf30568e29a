//! What survives a worker's death: keys and counters of an endpoint, taken and taken over.

use parley_rtp::receive::ReceptionState;
use parley_rtp::rewrite::OutTrack;
use parley_rtp::sequence::ReplayWindow;
use parley_rtp::time::Micros;
use parley_rtp::transport_cc::SendHistory;
use parley_wire::{EndpointSnapshot, RestoredEndpoint};
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::room::Room;
use crate::room::endpoint::KnownSsrc;
use crate::room::layer::{Rate, Repair, Viewer};
use crate::shared::Shared;
use crate::slab::Key;
use crate::transport::{Transport, TransportSnapshot};

/// Another version is another worker's secret.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    transport: TransportSnapshot,
    transport_sequence: u16,
    clock_offset_us: Option<i64>,
    estimate_bps: Option<u64>,
    lines: Vec<SavedLine>,
    layers: Vec<SavedLayer>,
}

#[derive(Serialize, Deserialize)]
struct SavedLine {
    ssrc: u32,
    track: OutTrack,
}

#[derive(Serialize, Deserialize)]
struct SavedLayer {
    mid: String,
    rid: Option<String>,
    source: u32,
    ssrc: u32,
    state: ReceptionState,
    size: Option<(u32, u32)>,
    bits_per_second: Option<u64>,
    repair: Option<(u32, ReplayWindow)>,
}

impl Room {
    /// Keys and counters of everybody who has keys.
    pub(crate) fn snapshots(&self, now: Micros) -> Vec<EndpointSnapshot> {
        self.endpoints
            .keys()
            .into_iter()
            .filter_map(|key| self.snapshot(key, now))
            .collect()
    }

    /// Keys and counters of an endpoint; none before it has keys.
    pub(crate) fn snapshot(&self, key: Key, now: Micros) -> Option<EndpointSnapshot> {
        let endpoint = self.endpoints.get(key)?;
        let lines = endpoint.send.iter().map(|line| SavedLine {
            ssrc: line.parameters.ssrc,
            track: line.track.clone(),
        });
        let layers = endpoint.receive.iter().flat_map(|line| {
            let layers = line
                .layers
                .iter()
                .filter_map(|layer| self.layers.get(*layer));
            layers.map(|layer| SavedLayer {
                mid: line.parameters.mid.clone(),
                rid: layer.rid.clone(),
                source: layer.source,
                ssrc: layer.main.ssrc,
                state: layer.main.reception.state(),
                size: layer.size,
                bits_per_second: layer.rate.bits_per_second(),
                repair: layer
                    .repair
                    .as_ref()
                    .map(|repair| (repair.ssrc, repair.window.clone())),
            })
        });
        let saved = Saved {
            version: VERSION,
            transport: endpoint.transport.snapshot()?,
            transport_sequence: endpoint.history.next_sequence(),
            clock_offset_us: endpoint.clock_offset_us,
            estimate_bps: endpoint.estimate_bps(),
            lines: lines.collect(),
            layers: layers.collect(),
        };
        // Text inside a value: building a tree of values would cost more than all the rest. Only
        // maps with other keys than strings could fail, and there are none.
        let text = serde_json::to_string(&saved).ok()?;
        let state = serde_json::Value::String(text);
        Some(EndpointSnapshot {
            endpoint: endpoint.id,
            taken_us: now.0,
            state,
        })
    }

    /// Takes an endpoint over from a dead worker. False: its snapshot is missing, too old or
    /// damaged, and it must join anew.
    pub(crate) fn restore(&mut self, restored: RestoredEndpoint, shared: &mut Shared) -> bool {
        let Some(snapshot) = restored.snapshot else {
            return false;
        };
        let age_us = shared.now.micros_since(Micros(snapshot.taken_us));
        if age_us > limits::SNAPSHOT_AGE_MAX_US {
            return false;
        }
        let text = snapshot.state.as_str().unwrap_or_default();
        let Ok(saved) = serde_json::from_str::<Saved>(text) else {
            return false;
        };
        if saved.version != VERSION {
            return false;
        }
        let open = restored.open;
        let Ok(transport) = Transport::restore(
            saved.transport,
            open.ice.clone(),
            shared.limits.unproven_bytes_max,
            shared.now,
        ) else {
            return false;
        };
        let key = self.insert_endpoint(&open, transport, shared);
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            let first = saved
                .transport_sequence
                .wrapping_add(limits::TRANSPORT_CC_JUMP);
            endpoint.history = SendHistory::new(first);
            endpoint.clock_offset_us = saved.clock_offset_us;
            if let Some(estimate_bps) = saved.estimate_bps {
                endpoint.begin_estimate(estimate_bps);
            }
            for line in saved.lines {
                let known = endpoint
                    .send
                    .iter_mut()
                    .find(|l| l.parameters.ssrc == line.ssrc);
                if let Some(known) = known {
                    known.track = line.track;
                    known.track.jump();
                }
            }
            for wish in restored.tiles {
                let line = endpoint
                    .send
                    .iter_mut()
                    .find(|l| l.parameters.mid == wish.mid);
                if let Some(line) = line {
                    line.wish = Some(wish);
                }
            }
        }
        for layer in saved.layers {
            self.restore_layer(key, layer, shared);
        }
        self.on_presence(key, shared);
        true
    }

    fn restore_layer(&mut self, key: Key, saved: SavedLayer, shared: &mut Shared) {
        shared.reserve_source(saved.source);
        let line = self.endpoints.get(key).and_then(|endpoint| {
            endpoint
                .receive
                .iter()
                .position(|line| line.parameters.mid == saved.mid)
        });
        let Some(line) = line else { return };
        let origin = self.layer_origin(key, line, saved.rid, saved.ssrc, saved.source);
        let Some(mut origin) = origin else { return };
        origin.state = Some(saved.state);
        let layer = self.insert_layer(origin, shared);
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.size = saved.size;
            layer.rate = Rate::known(saved.bits_per_second);
        }
        let mut ssrcs = vec![KnownSsrc {
            ssrc: saved.ssrc,
            layer,
            is_repair: false,
        }];
        if let Some((ssrc, window)) = saved.repair {
            if let Some(layer) = self.layers.get_mut(layer) {
                layer.repair = Some(Repair { ssrc, window });
            }
            ssrcs.push(KnownSsrc {
                ssrc,
                layer,
                is_repair: true,
            });
        }
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            endpoint.ssrcs.extend(ssrcs);
        }
    }

    /// Lets every line go on with the source it had. Called once all endpoints are back.
    pub(crate) fn resume_lines(&mut self, shared: &mut Shared) {
        let sources: Vec<(u32, Key)> = self
            .layers
            .iter()
            .map(|(key, layer)| (layer.source, key))
            .collect();
        for key in self.endpoints.keys() {
            let Some(endpoint) = self.endpoints.get(key) else {
                continue;
            };
            for line in 0..endpoint.send.len() {
                let viewer = Viewer {
                    endpoint: key,
                    line,
                };
                let Some(source) = self.line_source(viewer) else {
                    continue;
                };
                let layer = sources.iter().find(|(known, _)| *known == source);
                if let Some((_, layer)) = layer {
                    self.resume_line(viewer, *layer);
                }
            }
        }
        // What was sent between the snapshot and now is unknown, and the caches are empty.
        for (_, layer) in sources {
            self.want_key_frame(layer, shared);
        }
        self.voices_stale = true;
        self.tiles_stale = true;
    }

    fn line_source(&self, viewer: Viewer) -> Option<u32> {
        self.endpoints
            .get(viewer.endpoint)?
            .send
            .get(viewer.line)?
            .track
            .source()
    }

    fn resume_line(&mut self, viewer: Viewer, layer_key: Key) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(layer) = layers.get_mut(layer_key) else {
            return;
        };
        let codecs = endpoints
            .get(layer.owner)
            .and_then(|owner| owner.receive.get(layer.line))
            .map(|line| line.parameters.codecs.clone());
        let line = endpoints
            .get_mut(viewer.endpoint)
            .and_then(|e| e.send.get_mut(viewer.line));
        if let (Some(codecs), Some(line)) = (codecs, line) {
            line.resume(layer_key, &codecs);
            layer.add_viewer(viewer);
        }
    }
}
