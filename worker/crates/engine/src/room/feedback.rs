//! RTCP from endpoints: clocks, losses, requests.

use parley_rtp::bandwidth::BandwidthEstimator as _;
use parley_rtp::error::RtpError;
use parley_rtp::rtcp::{Item, ReportBlock, items};
use parley_rtp::transport_cc::Feedback;

use crate::address::Address;
use crate::counters::Counter;
use crate::room::Room;
use crate::room::endpoint::Endpoint;
use crate::room::forward::send_again;
use crate::shared::Shared;
use crate::slab::Key;

impl Room {
    /// Handles one SRTCP packet of an endpoint.
    pub(super) fn on_rtcp(
        &mut self,
        key: Key,
        from: Address,
        bytes: &mut [u8],
        shared: &mut Shared,
    ) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let Some(keys) = &mut endpoint.transport.keys else {
            return shared.count(Counter::DroppedBeforeKeys);
        };
        let compound = match keys.opener.open_rtcp(bytes) {
            Ok(compound) => compound,
            Err(RtpError::Replayed) => return shared.count(Counter::DroppedReplayed),
            Err(RtpError::Truncated) => return shared.count(Counter::DroppedMalformed),
            Err(_) => return shared.count(Counter::DroppedUnauthenticated),
        };
        shared.count(Counter::RtcpIn);
        self.on_authentic(key, from, shared);
        for item in items(compound) {
            match item {
                Ok(item) => self.on_item(key, &item, shared),
                Err(_) => shared.count(Counter::DroppedMalformed),
            }
        }
    }

    fn on_item(&mut self, key: Key, item: &Item<'_>, shared: &mut Shared) {
        match item {
            Item::SenderReport { info, reports } => {
                self.on_sender_clock(key, info.ssrc, info.ntp, info.timestamp, shared);
                self.on_reports(key, reports.iter(), shared);
            }
            Item::ReceiverReport { reports, .. } => self.on_reports(key, reports.iter(), shared),
            Item::Nack { media, lost, .. } => self.on_nack(key, *media, lost.iter(), shared),
            Item::PictureLoss { media, .. } => self.on_picture_request(key, *media, shared),
            Item::FullIntra { requests, .. } => {
                for (media, _) in requests.iter() {
                    self.on_picture_request(key, media, shared);
                }
            }
            Item::TransportCc { body, .. } => self.on_transport_feedback(key, body, shared),
            Item::ReferenceTime { sender, ntp } => {
                if let Some(endpoint) = self.endpoints.get_mut(key) {
                    endpoint.reference_time = Some((*sender, ntp.middle(), shared.now));
                }
            }
            Item::DelaySince { blocks, .. } => {
                let now = shared.epoch.ntp(shared.now).middle();
                if let Some(endpoint) = self.endpoints.get_mut(key) {
                    for (_, last_report, delay) in blocks.iter() {
                        let block = ReportBlock {
                            last_report,
                            delay,
                            ..ReportBlock::default()
                        };
                        endpoint.round_trip = block.round_trip(now).or(endpoint.round_trip);
                    }
                }
            }
            // BYE is not believed before the signalling says so: browsers send it for lines too.
            Item::Description { .. } | Item::Goodbye { .. } | Item::Other { .. } => {}
        }
    }

    /// Notes the publisher's clocks, and how far its wall clock is from ours at best.
    fn on_sender_clock(
        &mut self,
        key: Key,
        ssrc: u32,
        ntp: parley_rtp::time::NtpTime,
        timestamp: u32,
        shared: &mut Shared,
    ) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        let Some(known) = endpoint.find_ssrc(ssrc).filter(|known| !known.is_repair) else {
            return;
        };
        let Some(layer) = layers.get_mut(known.layer) else {
            return;
        };
        layer
            .main
            .reception
            .on_sender_report(ntp, timestamp, shared.now);
        let theirs = super::reports::ntp_us(ntp);
        let offset = shared.epoch.wall_us(shared.now) as i64 - theirs as i64;
        // The smallest is the one that travelled fastest; one clock for its sound and picture.
        let best = endpoint
            .clock_offset_us
            .map_or(offset, |best| best.min(offset));
        endpoint.clock_offset_us = Some(best);
    }

    fn on_reports(
        &mut self,
        key: Key,
        reports: impl Iterator<Item = ReportBlock>,
        shared: &mut Shared,
    ) {
        let now = shared.epoch.ntp(shared.now).middle();
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        for report in reports {
            let line = endpoint
                .send
                .iter_mut()
                .find(|line| line.parameters.ssrc == report.ssrc);
            let Some(line) = line else { continue };
            // Nothing is received yet where the highest number is 0.
            line.is_known |= report.highest > 0;
            endpoint.round_trip = report.round_trip(now).or(endpoint.round_trip);
            if let Some(estimator) = &mut endpoint.estimator {
                estimator.on_loss(shared.now, report.fraction_lost);
            }
        }
    }

    fn on_nack(
        &mut self,
        key: Key,
        media: u32,
        lost: impl Iterator<Item = u16>,
        shared: &mut Shared,
    ) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        let Some(place) = line_of(endpoint, media) else {
            return;
        };
        endpoint.tally.nacks_in += 1;
        for sequence in lost {
            let line = &endpoint.send[place];
            let Some(layer) = line.current.and_then(|layer| layers.get(layer)) else {
                return;
            };
            let Some(source_index) = line.track.source_index(sequence) else {
                shared.count(Counter::RefusedRtxGone);
                continue;
            };
            let Some((_, payload)) = layer.cache.get(source_index) else {
                // Lost before it came to us: the repair, once it is here, goes out to everybody like
                // a packet that was late.
                shared.count(if layer.main.reception.is_awaited(source_index) {
                    Counter::RtxAwaited
                } else {
                    Counter::RefusedRtxGone
                });
                continue;
            };
            let size = payload.len();
            if !endpoint.rtx_budget.spend(shared.now, size) {
                shared.count(Counter::RefusedRtxCap);
                continue;
            }
            if send_again(endpoint, place, layer, source_index, shared) {
                endpoint.tally.retransmitted += 1;
                shared.count(Counter::Retransmitted);
            }
        }
    }

    /// A viewer's request goes to the source that its line shows, or waits for.
    fn on_picture_request(&mut self, key: Key, media: u32, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let Some(place) = line_of(endpoint, media) else {
            return;
        };
        endpoint.tally.key_frame_requests_in += 1;
        let line = &endpoint.send[place];
        let layers = [line.current, line.awaited];
        for layer in layers.into_iter().flatten() {
            self.want_key_frame(layer, shared);
        }
    }

    fn on_transport_feedback(&mut self, key: Key, body: &[u8], shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let Ok(feedback) = Feedback::parse(body) else {
            return shared.count(Counter::DroppedMalformed);
        };
        endpoint.tally.feedbacks_in += 1;
        let Some(estimator) = &mut endpoint.estimator else {
            return;
        };
        shared.reports.clear();
        endpoint.history.on_feedback(&feedback, &mut shared.reports);
        estimator.on_feedback(shared.now, &shared.reports, endpoint.round_trip);
        self.start_probe(key, shared);
    }
}

fn line_of(endpoint: &Endpoint, ssrc: u32) -> Option<usize> {
    endpoint
        .send
        .iter()
        .position(|line| line.parameters.ssrc == ssrc)
}
