// What a meeting link says: which conference, and the secret that lets one in.

/** A meeting link that is complete. */
export interface MeetingAddress {
  readonly conference_id: string;
  readonly token: string;
  /** `mix` (`&audio=mix` in the link): one line of sound that carries everybody, for weak devices. */
  readonly mode: "voices" | "mix";
}

const path = /^\/meet\/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\/?$/;

/** Reads `/meet/{conference id}#token=…[&audio=mix]`; null when something is missing. The token lives in the fragment, which no browser sends. */
export function readMeetingAddress(at: {
  readonly pathname: string;
  readonly hash: string;
}): MeetingAddress | null {
  const conference_id = path.exec(at.pathname)?.[1]?.toLowerCase();
  const fragment = new URLSearchParams(at.hash.replace(/^#/, ""));
  const token = fragment.get("token");
  const mode = fragment.get("audio") === "mix" ? "mix" : "voices";
  return conference_id && token ? { conference_id, token, mode } : null;
}
