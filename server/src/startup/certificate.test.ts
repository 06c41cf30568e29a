import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createSystemClock } from "../kernel/clock.ts";
import { readConfig } from "../kernel/config.ts";
import { createIds } from "../kernel/id.ts";
import { tlsCredentials } from "./certificate.ts";
import { makeKey, selfSigned } from "./self-signed.ts";

const ports = { clock: createSystemClock(), ids: createIds(Date.now) };
const data_dir = mkdtempSync(join(tmpdir(), "parley-tls-"));
after(() => rmSync(data_dir, { recursive: true }));
const settings = (...argv: string[]) =>
  readConfig({ argv: ["--data_dir", data_dir, ...argv], env: {}, file: () => null }).config;

test("a_self_signed_certificate_serves_https_to_who_trusts_it_and_is_kept", async () => {
  const made = tlsCredentials(settings("--http.tls", "self-signed"), ports);
  assert.ok(made);
  assert.deepEqual(tlsCredentials(settings("--http.tls", "self-signed"), ports), made);
  assert.equal(statSync(join(data_dir, "https-key.pem")).mode & 0o777, 0o600);
  const server = createServer(made, (_, reply) => reply.end("hello"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const status = await new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, ca: made.cert, agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    }).on("error", reject);
  });
  server.close();
  assert.equal(status, 200);
});

test("a_self_signed_certificate_is_good_for_the_host_of_the_public_url", () => {
  for (const [url, holds] of [
    ["https://meet.example.org", (cert: X509Certificate) => cert.checkHost("meet.example.org")],
    ["https://[2001:db8::7]:8443", (cert: X509Certificate) => cert.checkIP("2001:db8::7")],
  ] as const) {
    const given = settings("--http.tls", "self-signed", "--http.public_url", url);
    const made = tlsCredentials(given, ports);
    assert.ok(made && holds(new X509Certificate(made.cert)), url);
  }
});

test("a_certificate_names_hosts_and_addresses_of_both_families", () => {
  const day_ms = 86_400_000;
  const now_ms = Date.now();
  const pem = selfSigned({
    key: makeKey(),
    names: ["localhost", "127.0.0.1", "::1", "2001:db8::a:0:1", "fe80::1"],
    serial: Buffer.from([0, 0x80, 1]),
    not_before_ms: now_ms - day_ms,
    not_after_ms: now_ms + day_ms,
  });
  const parsed = new X509Certificate(pem);
  assert.equal(parsed.checkHost("localhost"), "localhost");
  for (const ip of ["127.0.0.1", "::1", "2001:db8::a:0:1", "fe80::1"]) {
    assert.equal(parsed.checkIP(ip), ip);
  }
  assert.equal(parsed.checkIP("192.0.2.1"), undefined);
  assert.ok(parsed.verify(parsed.publicKey));
  assert.equal(parsed.ca, false);
  assert.equal(parsed.serialNumber, "8001");
  assert.ok(parsed.validToDate.getTime() > now_ms);
});

test("files_that_are_no_certificate_and_key_stop_the_start_with_their_setting", () => {
  const cert = join(data_dir, "cert.pem");
  const key = join(data_dir, "key.pem");
  const names = ["localhost"];
  const serial = Buffer.from([1]);
  const own = makeKey();
  writeFileSync(cert, selfSigned({ key: own, names, serial, not_before_ms: 0, not_after_ms: 1 }));
  writeFileSync(key, makeKey());
  const files = ["--http.tls", "files", "--http.cert", cert, "--http.key", key];
  assert.throws(() => tlsCredentials(settings(...files), ports), /do not belong together/);
  writeFileSync(key, own);
  assert.equal(tlsCredentials(settings(...files), ports)?.key, own);
  writeFileSync(key, "nothing");
  assert.throws(() => tlsCredentials(settings(...files), ports), /http\.key/);
  rmSync(cert);
  assert.throws(() => tlsCredentials(settings(...files), ports), /http\.cert/);
});
