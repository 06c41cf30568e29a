// Access keys: what is stored and what is shown.
import { type Static, Type } from "typebox";
import type { Instant } from "../../kernel/clock.ts";
import type { AccesskeyId, CustomerId } from "../../kernel/id.ts";
import { writeTimestamp } from "../../kernel/wire.ts";

/** A row of `accesskeys`. */
export interface AccesskeyRow {
  readonly id: AccesskeyId;
  readonly customer_id: CustomerId;
  readonly name: string;
  readonly detail: string;
  /** SHA-256 of the key; the key itself is stored nowhere. */
  readonly token_hash: string;
  readonly token_prefix: string;
  readonly tm_expire: Instant;
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_delete: Instant | null;
}

const uuid = (description: string) => Type.String({ format: "uuid", description });
const timestamp = (description: string) => Type.String({ description });

const fields = {
  id: uuid("Names the key."),
  customer_id: uuid("Whose it is."),
  name: Type.String(),
  detail: Type.String(),
  token_prefix: Type.String({ description: "The first characters, to tell keys apart." }),
  tm_expire: timestamp("When it ends, UTC."),
  tm_create: timestamp("When it was made, UTC."),
  tm_update: timestamp("When it last changed."),
  tm_delete: timestamp("When it was deleted."),
};

/** An access key as it is shown. */
export const Accesskey = Type.Object(fields, {
  title: "Accesskey",
  description: "A credential for programs; acts as the customer's administrator.",
});
/** What {@link Accesskey} describes. */
export type Accesskey = Static<typeof Accesskey>;

/** An access key as it is shown once, when it was made. */
export const CreatedAccesskey = Type.Object(
  { ...fields, token: Type.String({ description: "The key itself; shown this once." }) },
  { title: "CreatedAccesskey", description: "An access key, with its secret." },
);
/** What {@link CreatedAccesskey} describes. */
export type CreatedAccesskey = Static<typeof CreatedAccesskey>;

/** Seconds that a key lasts, at least (platform.md section 3). */
export const expire_min_s = 86_400;
/** Seconds that a key lasts, at most: ten years. */
export const expire_max_s = 315_360_000;

/** Body of `POST /accesskeys`. */
export const NewAccesskey = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 1_000 })),
    detail: Type.Optional(Type.String({ maxLength: 10_000 })),
    expires_in: Type.Optional(
      Type.Integer({
        minimum: expire_min_s,
        maximum: expire_max_s,
        description: "Seconds; a year when left out.",
      }),
    ),
    expire: Type.Optional(
      Type.Integer({
        minimum: expire_min_s,
        maximum: expire_max_s,
        description: "Another name of `expires_in`.",
      }),
    ),
  },
  { title: "NewAccesskey", description: "An access key to make." },
);
/** Body of `PUT /accesskeys/{id}`. */
export const AccesskeyChanges = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 1_000 })),
    detail: Type.Optional(Type.String({ maxLength: 10_000 })),
  },
  { title: "AccesskeyChanges", description: "What of an access key changes." },
);

/** The resource from its row. */
export const showAccesskey = (row: AccesskeyRow): Accesskey => ({
  id: row.id,
  customer_id: row.customer_id,
  name: row.name,
  detail: row.detail,
  token_prefix: row.token_prefix,
  tm_expire: writeTimestamp(row.tm_expire),
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});
