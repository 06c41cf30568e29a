// Writes an X.509 certificate (RFC 5280) signed by its own key: the one thing about certificates that Node cannot do.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { isIP, SocketAddress } from "node:net";
import { writeTimestamp } from "../kernel/wire.ts";

/** What the certificate says. */
export interface SelfSigned {
  /** Private key, PEM, of {@link makeKey}. */
  readonly key: string;
  /** Host names and addresses that it is good for. */
  readonly names: readonly string[];
  /** Positive number, up to 20 bytes. */
  readonly serial: Buffer;
  readonly not_before_ms: number;
  readonly not_after_ms: number;
}

/** A new private key on the curve P-256, PEM. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The certificate, PEM. */
export function selfSigned(given: SelfSigned): string {
  const key = createPrivateKey(given.key);
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const name = sequence(set(sequence(oid("2.5.4.3"), utf8("Parley, self-signed"))));
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(given.serial),
    algorithm,
    name,
    sequence(time(given.not_before_ms), time(given.not_after_ms)),
    name,
    createPublicKey(key).export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions(given.names))),
  );
  const signature = sign("sha256", body, key);
  const der = sequence(body, algorithm, bits(signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function extensions(names: readonly string[]): Buffer[] {
  const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
    sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
  const alternatives = names.map((name) =>
    isIP(name) ? der(0x87, addressBytes(name)) : der(0x82, Buffer.from(name, "ascii")),
  );
  return [
    // Not a certificate authority; may sign; for servers; for these names.
    extension("2.5.29.19", true, sequence()),
    extension("2.5.29.15", true, der(0x03, Buffer.from([7, 0x80]))),
    extension("2.5.29.37", false, sequence(oid("1.3.6.1.5.5.7.3.1"))),
    extension("2.5.29.17", false, sequence(...alternatives)),
  ];
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // Node writes any spelling in its shortest one; the groups that `::` stands for are zero.
  const [head = "", tail] = new SocketAddress({ address, family: "ipv6" }).address.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").flatMap(groupBytes);
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  return Buffer.from([...before, ...Array(16 - before.length - after.length).fill(0), ...after]);
}

// Two bytes, or the four of a dotted end as in ::ffff:192.0.2.1.
function groupBytes(group: string): number[] {
  if (group.includes(".")) return group.split(".").map(Number);
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}

// DER, ITU-T X.690: tag, length, content.
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const set = (...parts: Buffer[]): Buffer => der(0x31, ...parts);
const explicit = (number: number, content: Buffer): Buffer => der(0xa0 + number, content);
const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text, "utf8"));
const bits = (content: Buffer): Buffer => der(0x03, Buffer.from([0]), content);

// Positive and without leading zeros: the first bit is the sign.
function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const shortest = first < 0 ? Buffer.from([0]) : bytes.subarray(first);
  const is_negative = ((shortest[0] ?? 0) & 0x80) !== 0;
  return is_negative ? der(0x02, Buffer.from([0]), shortest) : der(0x02, shortest);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const content = [first * 40 + second, ...rest].flatMap((number) => {
    const groups = [number & 0x7f];
    for (let left = number >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Buffer.from(content));
}

// GeneralizedTime is for years from 2050 on; a year of life ends before that.
function time(at_ms: number): Buffer {
  const text = writeTimestamp(Math.floor(at_ms) * 1000)
    .replace(/\D/g, "")
    .slice(2, 14);
  return der(0x17, Buffer.from(`${text}Z`, "ascii"));
}
