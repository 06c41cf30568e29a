import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ConfigError, type ConfigSources, helpText, readConfig } from "./config.ts";

const read = (sources: ConfigSources) =>
  readConfig({ argv: [], env: {}, file: () => null, ...sources }).config;

test("defaults_give_way_to_the_file_the_environment_and_flags_in_that_order", () => {
  const file = () => '{"http": {"port": 1, "host": "a"}, "log.level": "debug"}';
  const env = { PARLEY_HTTP_PORT: "2", PARLEY_ADMIN_USERNAME: "eve" };
  assert.equal(read({}).http.port, 8080);
  assert.equal(read({ file }).http.port, 1);
  assert.equal(read({ file, env }).http.port, 2);
  assert.equal(read({ file, env, argv: ["--http.port", "3"] }).http.port, 3);
  assert.equal(read({ file, env, argv: ["--http.port=4"] }).http.port, 4);
  assert.equal(read({ file }).http.host, "a");
  assert.equal(read({ file }).log.level, "debug");
  assert.equal(read({ env }).admin.username, "eve");
});

test("an_unknown_key_stops_the_start_with_its_name_and_the_nearest_known_one", () => {
  const refuses = (sources: ConfigSources, ...words: string[]) =>
    assert.throws(
      () => read(sources),
      (reason) => {
        assert.ok(reason instanceof ConfigError);
        for (const word of words) assert.ok(reason.message.includes(word), reason.message);
        return true;
      },
    );
  refuses({ env: { PARLEY_HTP_PORT: "1" } }, "PARLEY_HTP_PORT", "PARLEY_HTTP_PORT");
  refuses({ argv: ["--htp.port", "1"] }, "--htp.port", "http.port");
  refuses({ file: () => '{"http": {"prot": 1}}' }, "http.prot", "http.port");
  refuses({ argv: ["--config", "x.json"] }, "x.json");
  refuses({ argv: ["8080"] }, "8080");
});

test("a_value_that_is_not_allowed_names_its_key_and_what_is", () => {
  assert.throws(() => read({ env: { PARLEY_HTTP_PORT: "65536" } }), /PARLEY_HTTP_PORT: .*65535/);
  assert.throws(() => read({ argv: ["--http.port", ""] }), /--http\.port/);
  assert.throws(() => read({ argv: ["--log.level", "loud"] }), /error, warn, info/);
  assert.throws(() => read({ env: { PARLEY_AUTH_SECRET: "short" } }), /32 characters/);
  assert.throws(() => read({ argv: ["--http.tls", "files"] }), /http\.cert/);
  assert.throws(() => read({ file: () => "{" }), /not JSON/);
});

test("secrets_print_as_stars_everywhere", () => {
  const config = read({ env: { PARLEY_ADMIN_PASSWORD: "correct horse" } });
  assert.equal(config.admin.password.reveal(), "correct horse");
  for (const printed of [
    inspect(config, { depth: 9 }),
    JSON.stringify(config),
    `${config.admin.password}`,
  ]) {
    assert.ok(!printed.includes("horse"));
    assert.ok(printed.includes("***"));
  }
});

test("lists_and_flags_are_read_from_text_and_json", () => {
  const origins = (sources: ConfigSources) => read(sources).http.allowed_origins;
  assert.deepEqual(origins({ env: { PARLEY_HTTP_ALLOWED_ORIGINS: "https://a, https://b," } }), [
    "https://a",
    "https://b",
  ]);
  assert.deepEqual(origins({ file: () => '{"http": {"allowed_origins": ["https://a"]}}' }), [
    "https://a",
  ]);
  assert.equal(read({ argv: ["--log.personal"] }).log.personal, true);
});

test("help_names_every_setting_with_its_variable", () => {
  assert.match(helpText(), /--media\.worker_count[\s\S]*PARLEY_MEDIA_WORKER_COUNT/);
  const asked = readConfig({ argv: ["--help", "--htp.port", "1"], env: {}, file: () => null });
  assert.equal(asked.asks, "help", "help is given whatever else is wrong");
});

test("a_setting_without_effect_stops_the_start_unless_it_asks_for_nothing", () => {
  for (const [key, value] of [
    ["sip.udp_port", "5070"],
    ["sip.host", "192.0.2.1"],
    ["nats.url", "nats://localhost"],
    ["storage.url", "s3://bucket"],
    ["line.base_url", "http://127.0.0.1:9000"],
    ["outside.allowed_addresses", "10.0.0.0/8"],
  ] as const) {
    const name = `PARLEY_${key.toUpperCase().replace(".", "_")}`;
    const refused = new RegExp(
      `^ConfigError: ${key.replace(".", "\\.")} \\(${name}\\): a known setting .*does not have yet .*no effect`,
    );
    assert.throws(() => read({ argv: [`--${key}`, value] }), refused);
    assert.throws(() => read({ env: { [name]: value } }), refused);
  }
  const PARLEY_SIP_HOST = "127.0.0.1";
  read({ env: { PARLEY_SIP_UDP_PORT: "0", PARLEY_SIP_TCP_PORT: "5060", PARLEY_SIP_HOST } });
  read({ env: { PARLEY_NATS_URL: "", PARLEY_STORAGE_URL: "" } });
  read({ env: { PARLEY_LINE_BASE_URL: "", PARLEY_OUTSIDE_ALLOWED_ADDRESSES: "" } });
});
