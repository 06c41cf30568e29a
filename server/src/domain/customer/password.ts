// Passwords: argon2id, kept in the usual one-line form with their settings.
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";

// OWASP's first choice for argon2id (2024): 19 MiB, two passes, one lane; about 20 ms here.
const settings = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;

interface Parameters {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

const derive = (
  password: string,
  salt: Buffer,
  { memory, passes, parallelism }: Parameters,
  length: number,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    argon2(
      "argon2id",
      { message: password, nonce: salt, memory, passes, parallelism, tagLength: length },
      (error, tag) => (error ? reject(error) : resolve(tag)),
    );
  });

const plain = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

/** Makes the line that is stored. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await derive(password, salt, settings, settings.tagLength);
  const { memory, passes, parallelism } = settings;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${plain(salt)}$${plain(tag)}`;
}

const line = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Whether the password belongs to the line. Takes as long when it does not. */
export async function checkPassword(password: string, stored: string): Promise<boolean> {
  const match = line.exec(stored);
  if (!match) throw new Error("a stored password has an unknown form");
  const [, memory, passes, parallelism, salt = "", tag = ""] = match;
  const expected = Buffer.from(tag, "base64");
  const parameters = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  };
  const given = await derive(password, Buffer.from(salt, "base64"), parameters, expected.length);
  return timingSafeEqual(given, expected);
}
