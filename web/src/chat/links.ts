// Web addresses inside a message. Everything else stays text: nothing a person writes becomes markup.

/** A piece of a message. */
export type Piece = { readonly text: string } | { readonly text: string; readonly href: string };

const address = /\bhttps?:\/\/[^\s<>"'`{}|\\^]+/giu;

/** Splits a text into plain pieces and http(s) addresses. Sentence marks at the end of an address are not part of it. */
export function splitLinks(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(address)) {
    const found = match[0].replace(/[.,;:!?)\]]+$/u, "");
    const parsed = readAddress(found);
    // A name with a password before the host disguises where a link leads; it stays text.
    if (!parsed || parsed.username || parsed.password || !parsed.host) continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push({ text: found, href: parsed.href });
    from = match.index + found.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

function readAddress(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    // It only looked like an address; it stays text.
    return null;
  }
}
