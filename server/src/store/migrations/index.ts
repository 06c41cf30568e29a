// Every migration, oldest first. A new one is a file and its line here.
import type { Migration } from "../index.ts";
import { migration as journal } from "./0000-journal.ts";
import { migration as nouns } from "./0001-nouns.ts";
import { migration as talk } from "./0002-talk.ts";
import { migration as tokens } from "./0003-tokens.ts";
import { migration as givenIds } from "./0005-given-ids.ts";

/** The steps from an empty database to today's schema. */
export const migrations: readonly Migration[] = [journal, nouns, talk, tokens, givenIds];
