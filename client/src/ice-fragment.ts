// ICE restarts by PATCH (RFC 9725 section 4.3): fragments of SDP (RFC 8840 section 9) in and out, and the remote answer made new with them.

/** ICE credentials of one side with its candidates (without the leading `a=`). */
export interface IceFacts {
  readonly ufrag: string;
  readonly password: string;
  readonly candidates: readonly string[];
}

const linesOf = (sdp: string): string[] => sdp.split(/\r?\n/).filter((line) => line !== "");

/** Reads the credentials of the first section that has some, and all candidates of the text. null when there are no credentials. */
export function readIce(sdp: string): IceFacts | null {
  let ufrag = "";
  let password = "";
  const candidates: string[] = [];
  for (const line of linesOf(sdp)) {
    if (line.startsWith("a=ice-ufrag:")) ufrag ||= line.slice(12).trim();
    else if (line.startsWith("a=ice-pwd:")) password ||= line.slice(10).trim();
    else if (line.startsWith("a=candidate:") && !candidates.includes(line.slice(2))) {
      candidates.push(line.slice(2));
    }
  }
  return ufrag && password ? { ufrag, password, candidates } : null;
}

/** The fragment that asks for a restart: our new credentials, and what candidates are known; all lines are bundled on the first one. */
export function writeRestartFragment(offer: string): string {
  const ice = readIce(offer);
  if (!ice) throw new Error("an offer without ice credentials");
  const lines = linesOf(offer);
  const media = lines.findIndex((line) => line.startsWith("m="));
  const mid = lines.find((line, index) => index > media && line.startsWith("a=mid:")) ?? "a=mid:0";
  const group = lines.find((line) => line.startsWith("a=group:BUNDLE"));
  return [
    "a=ice-options:trickle",
    ...(group ? [group] : []),
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.password}`,
    lines[media] ?? "m=audio 9 UDP/TLS/RTP/SAVPF 0",
    mid,
    ...ice.candidates.map((candidate) => `a=${candidate}`),
    "",
  ].join("\r\n");
}

/** The last answer with the credentials and candidates of `fragment` in place of its own, for setRemoteDescription after a restart. */
export function renewAnswer(answer: string, fragment: string): string {
  const ice = readIce(fragment);
  if (!ice) throw new Error("a fragment without ice credentials");
  const renewed: string[] = [];
  let is_placed = false;
  for (const line of linesOf(answer)) {
    if (line.startsWith("a=ice-ufrag:")) renewed.push(`a=ice-ufrag:${ice.ufrag}`);
    else if (line.startsWith("a=ice-pwd:")) renewed.push(`a=ice-pwd:${ice.password}`);
    else if (line.startsWith("a=candidate:")) {
      // The old candidates must go: their priority would win over the new ones (6 s of silence instead of 0.2).
      if (!is_placed) renewed.push(...ice.candidates.map((candidate) => `a=${candidate}`));
      is_placed = true;
    } else renewed.push(line);
  }
  return `${renewed.join("\r\n")}\r\n`;
}
