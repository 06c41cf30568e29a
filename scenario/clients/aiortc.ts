// aiortc (Python): the version that PyPI has, in every shape of offer that it can write, and the one that Debian has.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { until } from "../harness/parley.ts";
import { can, python_missing, system_python } from "../harness/python.ts";
import {
  ada_tone_hz,
  both,
  type Client,
  client_color,
  client_tone_hz,
  type Invitation,
  type Line,
  type Meeting,
  type Variant,
} from "./client.ts";
import { type ProgramEnd, startFarEnd } from "./far-end.ts";
import { packages, pinned, script } from "./python.ts";

interface Settings {
  readonly lines: readonly Line[];
  readonly tone_hz?: number;
  readonly color?: string;
  readonly bundle?: "balanced" | "max-compat" | "max-bundle";
  readonly key?: "rsa";
  readonly setup?: "active" | "passive";
}

const audio = { kind: "audio", direction: "sendrecv" } as const;
const video = { kind: "video", direction: "sendrecv" } as const;
const more_audio = { kind: "audio", direction: "recvonly" } as const;
const more_video = { kind: "video", direction: "recvonly" } as const;
const data = { kind: "data" } as const;

// What one who joins beside the variant and Ada sends.
const third_tone_hz = 880;

const enter =
  (python: string, settings: Settings, leaves: Variant["leaves"] = "DELETE") =>
  (t: TestContext, { url, token }: Invitation): Promise<ProgramEnd> =>
    startFarEnd(
      t,
      [python, script("aiortc_client.py")],
      { url, token, tone_hz: client_tone_hz, color: client_color, ...settings },
      leaves,
    );

const variant = (
  promise: string,
  way: string,
  settings: Settings,
  more: Partial<Omit<Variant, "also">> & {
    also?: (t: TestContext, end: ProgramEnd, meeting: Meeting) => Promise<void>;
  } = {},
): Variant => {
  const leaves = more.leaves ?? "DELETE";
  return {
    promise,
    way,
    sends: both,
    receives: both,
    join: enter(packages.python, settings, leaves),
    ...more,
    leaves,
  };
};

/** Number of lines in the answer with that attribute. */
const count = ({ answer }: { answer: string }, attribute: string): number =>
  answer.match(new RegExp(`^a=${attribute}\\r?$`, "gm"))?.length ?? 0;

export const aiortc: Client = {
  name: "aiortc",
  version: pinned("aiortc"),
  missing: python_missing,
  prepare: packages.prepare,
  variants: [
    variant("aiortc_with_one_line_each", "one audio and one video line", { lines: [audio, video] }),
    variant(
      "a_publisher_is_heard_and_seen_and_sent_nothing",
      "publisher: sends only",
      {
        lines: [
          { kind: "audio", direction: "sendonly" },
          { kind: "video", direction: "sendonly" },
        ],
      },
      {
        receives: [],
        async also(_, end) {
          assert.equal(count(end, "recvonly"), 2);
        },
      },
    ),
    variant(
      "a_player_hears_and_sees_who_is_in_the_meeting",
      "player: receives only",
      { lines: [more_audio, more_video] },
      {
        sends: [],
        role: "listener",
        async also(t, end, meeting) {
          assert.equal(count(end, "sendonly"), 2);
          const settings = { lines: [audio], tone_hz: third_tone_hz };
          const third = await enter(packages.python, settings)(t, await meeting.invite("third"));
          await until(
            "it hears everybody at once",
            () => [ada_tone_hz, third_tone_hz].every((tone_hz) => end.tones().includes(tone_hz)),
            20_000,
          );
          await third.leave();
        },
      },
    ),
    ...(["balanced", "max-compat", "max-bundle"] as const).map((bundle) =>
      variant(
        `two_audio_lines_join_with_the_bundle_policy_${bundle.replace("-", "_")}`,
        `two audio lines, bundle policy \`${bundle}\``,
        { lines: [audio, more_audio, video], bundle },
      ),
    ),
    ...(
      [
        [audio, video],
        [audio, more_audio, video],
      ] as const
    ).map((lines) =>
      variant(
        `a_data_channel_first_and_${lines.length - 1}_audio_lines_join`,
        `data channel first, ${lines.length - 1} audio, one video line`,
        { lines: [data, ...lines] },
        {
          async also(_, { answer }) {
            assert.match(answer, /^m=application [1-9]/m);
          },
        },
      ),
    ),
    variant(
      "aiortc_with_an_rsa_key_begins_the_handshake",
      "RSA certificate, `a=setup:active`",
      { lines: [audio, video], key: "rsa", setup: "active" },
      { leaves: "closes" },
    ),
    variant(
      "aiortc_with_an_rsa_key_waits_for_the_handshake",
      "RSA certificate, `a=setup:passive`",
      { lines: [audio, video], key: "rsa", setup: "passive" },
    ),
    variant(
      "aiortc_with_an_ecdsa_key_begins_the_handshake",
      "ECDSA certificate, `a=setup:active`",
      { lines: [audio, video], setup: "active" },
      {
        async also(_, end) {
          assert.equal(count(end, "setup:passive") > 0, true);
        },
      },
    ),
    variant(
      "aiortc_with_an_ecdsa_key_waits_for_the_handshake",
      "ECDSA certificate, `a=setup:passive`",
      { lines: [audio, video], setup: "passive" },
      {
        leaves: "vanishes",
        async also(_, end) {
          assert.equal(count(end, "setup:active") > 0, true);
        },
      },
    ),
  ],
};

const debian_missing = can(system_python, "import aiortc")
  ? null
  : "aiortc is not installed: tools/setup-system installs it";

export const debians_aiortc: Client = {
  name: "aiortc of Debian 12",
  version: null,
  missing: debian_missing,
  variants: [
    {
      ...variant("the_aiortc_of_debian_joins", "one audio and one video line", { lines: [] }),
      join: enter(system_python, { lines: [audio, video] }),
    },
  ],
};
