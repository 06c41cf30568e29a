// Passwords: argon2id, kept in the usual one-line form with their settings.
import { argon2Sync, randomBytes, timingSafeEqual } from "node:crypto";

// OWASP's first choice for argon2id (2024): 19 MiB, two passes, one lane; about 20 ms here.
const settings = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const tag_length = 32;

const plain = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

const line = /^(\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+))\$([A-Za-z0-9+/]+)$/;

/** What a stored line was made with: all but the tag. Two lines with the same one are judged by one derivation. */
export function recipeOf(stored: string): string {
  const match = line.exec(stored);
  if (!match?.[1]) throw new Error("a stored password has an unknown form");
  return match[1];
}

/** A recipe of its own. */
export function newRecipe(): string {
  const { memory, passes, parallelism } = settings;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${plain(randomBytes(16))}`;
}

/** Makes the line that is stored. Keeps its thread busy for as long as it takes: called in {@link createHashThreads} only. */
export function deriveLine(password: string, recipe: string): string {
  const match = line.exec(`${recipe}$AA`);
  if (!match) throw new Error("a password's recipe has an unknown form");
  const [, , memory, passes, parallelism, salt = ""] = match;
  const tag = argon2Sync("argon2id", {
    message: password,
    nonce: Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: tag_length,
  });
  return `${recipe}$${plain(tag)}`;
}

/** Whether two lines are the same, in the same time whatever they are. */
export function isSameLine(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
