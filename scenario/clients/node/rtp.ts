// RTP of programs that carry packets and know no codec: Opus and VP8 (RFC 7741), as little of it as the tests send and take.

/** One line's outgoing packets. */
export interface RtpStream {
  /** Packets of one Opus packet or VP8 frame, `ticks` of the line's clock after the one before. */
  pack(payload: Buffer, ticks: number): Buffer[];
}

const fragment_bytes = 1_100;

/** A stream with its own SSRC; VP8 frames are cut and get their descriptor. */
export function createRtpStream(ssrc: number, payload_type: number, is_vp8: boolean): RtpStream {
  let sequence = 1;
  let timestamp = 0;
  const packet = (payload: Buffer, is_last: boolean): Buffer => {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = payload_type | (is_last ? 0x80 : 0);
    header.writeUInt16BE(sequence++ & 0xffff, 2);
    header.writeUInt32BE(timestamp >>> 0, 4);
    header.writeUInt32BE(ssrc, 8);
    return Buffer.concat([header, payload]);
  };
  return {
    pack(payload, ticks) {
      timestamp += ticks;
      if (!is_vp8) return [packet(payload, true)];
      const packets: Buffer[] = [];
      for (let at = 0; at < payload.length; at += fragment_bytes) {
        const part = payload.subarray(at, at + fragment_bytes);
        // The S bit marks the start of the frame's only partition.
        const descriptor = Buffer.of(at === 0 ? 0x10 : 0);
        packets.push(
          packet(Buffer.concat([descriptor, part]), at + fragment_bytes >= payload.length),
        );
      }
      return packets;
    },
  };
}

/** The payload of a packet; null for RTCP and for packets that only fill up. */
export function rtpPayload(packet: Buffer): { payload: Buffer; is_last: boolean } | null {
  const [first = 0, second = 0] = packet;
  // RTCP's packet types look like these payload types with the marker (RFC 5761 section 4).
  if (packet.length < 12 || ((second & 0x7f) >= 64 && (second & 0x7f) <= 95)) return null;
  let from = 12 + 4 * (first & 0x0f);
  if (first & 0x10) from += 4 + 4 * packet.readUInt16BE(from + 2);
  const to = packet.length - (first & 0x20 ? (packet.at(-1) ?? 0) : 0);
  return to > from ? { payload: packet.subarray(from, to), is_last: (second & 0x80) !== 0 } : null;
}

/** Puts VP8 frames together again; `take` gives one when a packet ended it. */
export function createVp8Frames(): { take(payload: Buffer, is_last: boolean): Buffer | null } {
  let parts: Buffer[] = [];
  return {
    take(payload, is_last) {
      const [first = 0, second = 0] = payload;
      let from = 1;
      if (first & 0x80) {
        from += 1;
        // PictureID of one or two bytes, TL0PICIDX, and TID with KEYIDX.
        if (second & 0x80) from += (payload[from] ?? 0) & 0x80 ? 2 : 1;
        if (second & 0x40) from += 1;
        if (second & 0x30) from += 1;
      }
      if (first & 0x10 && (first & 0x0f) === 0) parts = [];
      parts.push(payload.subarray(from));
      if (!is_last) return null;
      const frame = Buffer.concat(parts);
      parts = [];
      return frame;
    },
  };
}
