//! RTCP to endpoints: reports, feedback, requests; and who has fallen silent.

use parley_rtp::limits::RTCP_BYTES_MAX;
use parley_rtp::rtcp::{Compound, ReportBlock, SenderInfo};
use parley_rtp::time::{Micros, NtpTime, compact_ntp};
use parley_wire::{EndReason, Event};

use crate::counters::Counter;
use crate::limits;
use crate::room::Room;
use crate::room::endpoint::Endpoint;
use crate::room::layer::Layer;
use crate::shared::{EndpointKey, EndpointTimer, Epoch, Shared, Timer};
use crate::slab::{Key, Slab};
use crate::transport::State;

/// Report blocks of one compound packet; more go into the next.
const BLOCKS_MAX: usize = 16;

/// NTP time in microseconds since 1900.
pub(super) fn ntp_us(ntp: NtpTime) -> u64 {
    u64::from(ntp.seconds) * 1_000_000 + ((u64::from(ntp.fraction) * 1_000_000) >> 32)
}

impl Room {
    /// Builds a compound packet, seals it and sends it, where the endpoint can be written to.
    pub(super) fn write_rtcp(
        &mut self,
        key: Key,
        shared: &mut Shared,
        build: impl FnOnce(&mut Endpoint, &mut Compound<'_>),
    ) {
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            write_rtcp(endpoint, shared, build);
        }
    }

    /// Each second: consent, then reports.
    pub(super) fn on_report_timer(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let now = shared.now;
        let waited = now.micros_since(endpoint.transport.opened);
        if endpoint.transport.state == State::Connecting && waited > limits::CONNECT_TIMEOUT_US {
            return self.end(key, EndReason::ConnectTimeout, shared);
        }
        let unheard = now.micros_since(endpoint.transport.heard);
        if endpoint.transport.state == State::Silent
            && unheard > limits::SILENT_AFTER_US + limits::SEAT_HELD_US
        {
            return self.end(key, EndReason::Vanished, shared);
        }
        if endpoint.transport.fell_silent(now) {
            shared.emit(Event::EndpointSilent {
                endpoint: endpoint.id,
            });
        }
        report_after(endpoint.key, limits::REPORT_INTERVAL_US, shared);
        self.doubt_paths(key, shared);
        self.send_reports(key, shared);
        // Endpoints report spread over the second, and so are their snapshots.
        shared.snapshots.extend(self.snapshot(key, now));
    }

    fn send_reports(&mut self, key: Key, shared: &mut Shared) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get(key) else {
            return;
        };
        if endpoint.transport.writable().is_none() {
            return;
        }
        let clock = (shared.epoch, shared.now);
        let senders: Vec<SenderInfo> = endpoint
            .send
            .iter()
            .filter_map(|line| {
                let layer = line.current.and_then(|layer| layers.get(layer));
                let offset = layer.and_then(|l| endpoints.get(l.owner)?.clock_offset_us);
                let info =
                    line.track
                        .sender_info(line.parameters.ssrc, clock.0.ntp(clock.1), clock.1)?;
                Some(with_capture_time(
                    info,
                    line,
                    layer.map(Box::as_ref),
                    offset,
                    clock,
                ))
            })
            .collect();
        let received: Vec<Key> = endpoint
            .receive
            .iter()
            .flat_map(|line| line.layers.iter().copied())
            .collect();
        let blocks = report_blocks(&received, layers, shared.now);
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        let reference = endpoint.reference_time.take();
        let mut senders = senders.as_slice();
        let mut blocks = blocks.as_slice();
        let mut is_first = true;
        while is_first || !senders.is_empty() || !blocks.is_empty() {
            write_rtcp(endpoint, shared, |endpoint, compound| {
                let (now_blocks, later) = blocks.split_at(blocks.len().min(BLOCKS_MAX));
                blocks = later;
                match senders.split_first() {
                    Some((first, rest)) => {
                        compound.sender_report(first, now_blocks);
                        senders = rest;
                    }
                    None => compound.receiver_report(endpoint.feedback_ssrc, now_blocks),
                }
                // Room for the name and the answer to a reference time is kept.
                while let Some((next, rest)) = senders.split_first()
                    && compound.len() + 400 < RTCP_BYTES_MAX
                {
                    compound.sender_report(next, &[]);
                    senders = rest;
                }
                compound.description(endpoint.feedback_ssrc, &endpoint.cname);
                if let (true, Some((receiver, last, came))) = (is_first, reference) {
                    let delay = compact_ntp(clock.1.since(came));
                    compound.delay_since(endpoint.feedback_ssrc, receiver, last, delay);
                }
            });
            is_first = false;
        }
    }

    /// Transport-wide feedback to a publisher.
    pub(super) fn on_feedback_timer(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        endpoint.feedback_armed = false;
        let media = endpoint.ssrcs.first().map_or(0, |known| known.ssrc);
        let mut has_more = !endpoint.arrivals.is_empty();
        while has_more {
            has_more = false;
            write_rtcp(endpoint, shared, |endpoint, compound| {
                has_more = endpoint
                    .arrivals
                    .write(endpoint.feedback_ssrc, media, compound);
            });
        }
    }

    /// Asks a publisher for what is missing.
    pub(super) fn on_nack_timer(&mut self, key: Key, shared: &mut Shared) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        let now = shared.now;
        if endpoint.nack_armed.is_some_and(|due| due > now) {
            return; // another timer was set since, for an earlier moment that has been served
        }
        endpoint.nack_armed = None;
        // What repairs took says more than the round trip: it has the publisher's own time in it.
        let patience = endpoint.repair_time.patience().or(endpoint.round_trip);
        let mut next: Option<Micros> = None;
        let mut hopeless = Vec::new();
        let published: Vec<Key> = endpoint
            .receive
            .iter()
            .flat_map(|line| line.layers.iter().copied())
            .collect();
        for layer_key in published {
            let Some(layer) = layers.get_mut(layer_key) else {
                continue;
            };
            let mut missing = Vec::new();
            let reception = &mut layer.main.reception;
            let given_up = reception.due_requests(now, patience, &mut missing);
            if given_up > 0 && !layer.viewers.is_empty() {
                hopeless.push(layer_key);
            }
            if !missing.is_empty() {
                let ssrc = layer.main.ssrc;
                shared.count(Counter::NacksOut);
                write_rtcp(endpoint, shared, |endpoint, compound| {
                    compound.receiver_report(endpoint.feedback_ssrc, &[]);
                    compound.nack(endpoint.feedback_ssrc, ssrc, &missing);
                });
            }
            let due = layer.main.reception.deadline();
            next = [next, due].into_iter().flatten().min();
        }
        if let Some(due) = next {
            endpoint.nack_armed = Some(due);
            shared
                .wheel
                .add(due, Timer::Endpoint(endpoint.key, EndpointTimer::Nack));
        }
        for layer in hopeless {
            self.want_key_frame(layer, shared);
        }
    }
}

/// Lets an endpoint report after `delay_us` or a little earlier: together with others, because a
/// turn of the worker for each report would cost more than the reports.
pub(super) fn report_after(key: EndpointKey, delay_us: u64, shared: &mut Shared) {
    let due = shared.now.0 + delay_us;
    let due = Micros(due - due % limits::REPORT_GROUP_US);
    let timer = Timer::Endpoint(key, EndpointTimer::Report);
    shared.wheel.add(due, timer);
}

/// Pairs the line's time with the moment the picture or sound was captured, on our clock: the
/// publisher's report, moved by the offset of the packet that travelled fastest.
fn with_capture_time(
    mut info: SenderInfo,
    line: &crate::room::line::OutLine,
    layer: Option<&Layer>,
    offset: Option<i64>,
    (epoch, now): (Epoch, Micros),
) -> SenderInfo {
    if let (Some(layer), Some(offset)) = (layer, offset)
        && let Some(clock) = layer.main.reception.sender_clock()
        && line.track.source() == Some(layer.source)
    {
        let captured = ntp_us(clock.ntp) as i64 + offset;
        let passed_us = epoch.wall_us(now) as i64 - captured;
        let ticks = passed_us * i64::from(line.clock_rate()) / 1_000_000;
        info.timestamp = line
            .track
            .map_timestamp(clock.timestamp)
            .wrapping_add(ticks as u32);
    }
    info
}

fn report_blocks(received: &[Key], layers: &mut Slab<Box<Layer>>, now: Micros) -> Vec<ReportBlock> {
    let mut blocks = Vec::new();
    for key in received {
        if let Some(layer) = layers.get_mut(*key) {
            blocks.extend(layer.main.reception.report(layer.main.ssrc, now));
        }
    }
    blocks
}

/// Builds a compound packet, seals it and sends it, where the endpoint can be written to.
pub(super) fn write_rtcp(
    endpoint: &mut Endpoint,
    shared: &mut Shared,
    build: impl FnOnce(&mut Endpoint, &mut Compound<'_>),
) {
    let Some((to, _)) = endpoint.transport.writable() else {
        return;
    };
    let mut scratch = std::mem::take(&mut shared.scratch);
    scratch.clear();
    build(endpoint, &mut Compound::new(&mut scratch));
    if !scratch.is_empty()
        && let Some(keys) = &mut endpoint.transport.keys
    {
        match keys.sealer.seal_rtcp(&mut scratch) {
            Ok(()) => shared.outbox.push(to, &scratch),
            Err(_) => shared.count(Counter::SealFailed),
        }
    }
    shared.scratch = scratch;
}
