// Use cases of access keys.
import type { Static } from "typebox";
import type { Clock } from "../../kernel/clock.ts";
import { type AccesskeyId, hashSecret, type Ids } from "../../kernel/id.ts";
import { lifetimeOf } from "../../kernel/lifetime.ts";
import { cutPage, type Page, type PageQuery } from "../../kernel/page.ts";
import { problems } from "../../kernel/problem.ts";
import type { Store, Tx } from "../../store/index.ts";
import { type Caller, requireAdmin } from "../customer/index.ts";
import { accesskeyProblems } from "./problems.ts";
import {
  type Accesskey,
  type AccesskeyChanges,
  type AccesskeyRow,
  type CreatedAccesskey,
  type NewAccesskey,
  showAccesskey,
} from "./record.ts";
import * as accesskeyStore from "./store.ts";

/** What every key begins with. */
export const accesskey_mark = "vb_";
// 6 random bits each: 258 bits.
const secret_length = 43;
const prefix_length = 11;
const lifetime_s = 31_536_000;

/** Use cases of access keys. A foreign id answers as an unknown one. */
export interface Accesskeys {
  /** The only answer that holds the key. Errors: PERMISSION_DENIED, LIMIT_EXCEEDED. */
  create(
    caller: Caller,
    input: Static<typeof NewAccesskey>,
    sealed?: (tx: Tx, shown: CreatedAccesskey) => Promise<void>,
  ): Promise<CreatedAccesskey>;
  /** Errors: ACCESSKEY_NOT_FOUND, PERMISSION_DENIED. */
  get(caller: Caller, id: AccesskeyId): Promise<Accesskey>;
  /** Newest first. Errors: PERMISSION_DENIED. */
  list(caller: Caller, query: PageQuery): Promise<Page<Accesskey>>;
  /** Errors: ACCESSKEY_NOT_FOUND, PERMISSION_DENIED. */
  update(
    caller: Caller,
    id: AccesskeyId,
    changes: Static<typeof AccesskeyChanges>,
  ): Promise<Accesskey>;
  /** It ends at once. Errors: ACCESSKEY_NOT_FOUND, PERMISSION_DENIED. */
  remove(caller: Caller, id: AccesskeyId): Promise<Accesskey>;
  /** The key's row; null when it is unknown, deleted or has expired. */
  find(key: string): Promise<AccesskeyRow | null>;
}

/** Makes the use cases. */
export function createAccesskeys(ports: {
  store: Store;
  clock: Clock;
  ids: Ids;
  limits: { readonly accesskeys_max: number };
}): Accesskeys {
  const { store, clock, ids, limits } = ports;
  const found = (row: AccesskeyRow | null): AccesskeyRow => {
    if (!row) throw accesskeyProblems.ACCESSKEY_NOT_FOUND();
    return row;
  };
  return {
    async create(caller, input, sealed) {
      requireAdmin(caller);
      const token = accesskey_mark + ids.secret(secret_length);
      return store.transaction(async (tx) => {
        const now = clock.now();
        const { accesskeys_max: max } = limits;
        const { customer_id } = caller;
        if ((await accesskeyStore.countGood(tx.db, { customer_id, now }, max)) >= max) {
          throw problems.LIMIT_EXCEEDED({
            message: `a customer has ${max} good access keys`,
            details: [{ limit: max }],
          });
        }
        const row: AccesskeyRow = {
          id: ids.next<AccesskeyId>(),
          customer_id: caller.customer_id,
          name: input.name ?? "",
          detail: input.detail ?? "",
          token_hash: hashSecret(token),
          token_prefix: token.slice(0, prefix_length),
          tm_expire: now + (lifetimeOf(input) ?? lifetime_s) * 1_000_000,
          tm_create: now,
          tm_update: null,
          tm_delete: null,
        };
        await accesskeyStore.insert(tx.db, row);
        const shown = { ...showAccesskey(row), token };
        await sealed?.(tx, shown);
        return shown;
      });
    },
    async get(caller, id) {
      requireAdmin(caller);
      return showAccesskey(found(await accesskeyStore.find(store.db, caller.customer_id, id)));
    },
    async list(caller, query) {
      requireAdmin(caller);
      const rows = await accesskeyStore.page(store.db, caller.customer_id, query);
      return cutPage(rows, query, showAccesskey);
    },
    async update(caller, id, changes) {
      requireAdmin(caller);
      const row = await accesskeyStore.update(store.db, caller.customer_id, id, {
        ...(changes.name === undefined ? {} : { name: changes.name }),
        ...(changes.detail === undefined ? {} : { detail: changes.detail }),
        tm_update: clock.now(),
      });
      return showAccesskey(found(row));
    },
    async remove(caller, id) {
      requireAdmin(caller);
      const now = clock.now();
      const row = await accesskeyStore.update(store.db, caller.customer_id, id, {
        tm_delete: now,
        tm_update: now,
      });
      return showAccesskey(found(row));
    },
    async find(key) {
      const row = await accesskeyStore.findByHash(store.db, hashSecret(key));
      return row && row.tm_expire > clock.now() ? row : null;
    },
  };
}
