// Bounds of what is read. A bound that is hit is a problem that names it.

/** Bytes of an offer; Chromium with 25 tiles and an untrimmed codec list sends 128 KiB. */
export const sdp_bytes_max = 256 * 1024;
/** Lines that carry something we use; that same offer has about 3,500. */
export const sdp_lines_max = 8192;
/** Characters of one line; the longest in use are a few hundred. */
export const sdp_line_length_max = 4096;
/** Media lines; our SDK sends 30. */
export const media_lines_max = 64;
/** Simulcast layers of one line; libwebrtc sends at most three. */
export const layers_max = 4;
/** Bytes of a trickled fragment. */
export const fragment_bytes_max = 32 * 1024;
/** Candidates of one fragment; more are ignored, since a lite agent needs none of them. */
export const fragment_candidates_max = 64;
/** Characters of a mid (RFC 5888 sets no bound; RFC 8852 sends it in each packet). */
export const mid_length_max = 32;
/** Characters of a rid (RFC 8851 sets no bound; RFC 8852 sends it in each packet). */
export const rid_length_max = 16;
/** Characters of the format parameters of one payload type. */
export const fmtp_length_max = 1024;
/** Format parameters of one payload type. */
export const fmtp_count_max = 32;
