// Programs in Node: werift and node-datachannel. They carry RTP that PyAV has encoded, and PyAV decodes what they take.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { python_missing } from "../harness/python.ts";
import { both, type Client, client_color, client_tone_hz, type Variant } from "./client.ts";
import { startFarEnd } from "./far-end.ts";
import { packages } from "./python.ts";

const root = join(import.meta.dirname, "../..");
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};

const variant = (
  program: string,
  promise: string,
  way: string,
  settings: { readonly is_player?: boolean; readonly [name: string]: unknown },
  leaves: Variant["leaves"] = "DELETE",
): Variant => ({
  promise,
  way,
  sends: settings.is_player ? [] : both,
  receives: both,
  leaves,
  async join(t, { url, token }) {
    const end = await startFarEnd(
      t,
      [process.execPath, join(import.meta.dirname, "node", `${program}.ts`)],
      {
        url,
        token,
        python: packages.python,
        tone_hz: client_tone_hz,
        color: client_color,
        ...settings,
      },
      leaves,
    );
    // On a busy machine werift now and then overlooks the alert that closes it.
    return program === "werift" ? { ...end, isClosed: undefined } : end;
  },
});

const shared = { missing: python_missing, prepare: packages.prepare };

export const werift: Client = {
  ...shared,
  name: "werift",
  version: devDependencies["werift"] ?? null,
  variants: [
    variant("werift", "werift_joins", "one audio and one video line", {
      bundle: "max-compat",
      with_data_channel: false,
    }),
    variant(
      "werift",
      "werift_joins_with_a_data_channel_and_everything_in_one_bundle",
      "data channel, bundle policy `max-bundle`",
      { bundle: "max-bundle", with_data_channel: true },
      // Closed it says nothing either: it sends no alert.
      "vanishes",
    ),
  ],
};

export const node_datachannel: Client = {
  ...shared,
  name: "node-datachannel",
  version: devDependencies["node-datachannel"] ?? null,
  variants: [
    variant(
      "node-datachannel",
      "node_datachannel_joins_by_udp",
      "one audio and one video line, UDP",
      {
        is_tcp: false,
        with_data_channel: false,
      },
    ),
    // It only takes: when the machine is busy, two threads of its libjuice 1.7 write into each other's frames on TCP.
    variant("node-datachannel", "node_datachannel_plays_by_tcp", "player: ICE-TCP alone", {
      is_tcp: true,
      with_data_channel: false,
      is_player: true,
    }),
    variant(
      "node-datachannel",
      "node_datachannel_joins_with_a_data_channel",
      "data channel first",
      { is_tcp: false, with_data_channel: true },
    ),
  ],
};
