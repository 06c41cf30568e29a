// HTTPS: the certificate that was given, or one of our own for trying Parley in a local network.
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Clock } from "../kernel/clock.ts";
import { type Config, ConfigError } from "../kernel/config.ts";
import type { Ids } from "../kernel/id.ts";
import { keptFile } from "./secrets.ts";
import { makeKey, selfSigned } from "./self-signed.ts";

/** Certificate chain and private key, PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

const day_ms = 86_400_000;
const lifetime_ms = 365 * day_ms;
// One that ends sooner than this is replaced at a start.
const renew_before_ms = 30 * day_ms;

/** What HTTPS is served with; null for plain HTTP. Errors: ConfigError for files that do not hold a certificate and its key. */
export function tlsCredentials(
  config: Pick<Config, "http" | "data_dir">,
  ports: { clock: Clock; ids: Ids },
): Credentials | null {
  const { http, data_dir } = config;
  if (http.tls === "off") return null;
  if (http.tls === "files") return readCredentials(http.cert, http.key);
  // The host of links, as people type it: an address of IPv6 stands in brackets there.
  const outer = http.public_url === "" ? [] : [new URL(http.public_url).hostname];
  const names = [
    ...new Set(["localhost", "127.0.0.1", "::1", http.host, ...outer, ...ownAddresses()]),
  ].map((name) => name.replace(/^\[|\]$/g, ""));
  const now_ms = ports.clock.now() / 1000;
  // The name says whom it is for and in which month it was made: other addresses or an old one make a new file.
  const key = keptFile(data_dir, "https-key.pem", makeKey);
  const period = Math.floor(now_ms / (lifetime_ms - renew_before_ms));
  const purpose = createHash("sha256")
    .update(`${period} ${names.join(" ")}`)
    .digest("hex");
  const cert = keptFile(data_dir, `https-cert-${purpose.slice(0, 12)}.pem`, () =>
    selfSigned({
      key,
      names,
      serial: Buffer.from(ports.ids.secret(20), "base64url"),
      // Clocks of a local network differ.
      not_before_ms: now_ms - day_ms,
      not_after_ms: now_ms + lifetime_ms,
    }),
  );
  return { cert, key };
}

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address)
    .sort();

function readCredentials(cert_path: string, key_path: string): Credentials {
  const read = (setting: string, path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (reason) {
      throw new ConfigError(`${setting}: ${reason instanceof Error ? reason.message : reason}`);
    }
  };
  const credentials = { cert: read("http.cert", cert_path), key: read("http.key", key_path) };
  try {
    const parsed = new X509Certificate(credentials.cert);
    if (parsed.checkPrivateKey(createPrivateKey(credentials.key))) return credentials;
  } catch (reason) {
    throw new ConfigError(
      `http.cert and http.key: ${reason instanceof Error ? reason.message : reason}`,
    );
  }
  throw new ConfigError("http.cert and http.key do not belong together");
}
