// Use cases of customers and of those who log in for them.
import { type Static, Type } from "typebox";
import type { Clock } from "../../kernel/clock.ts";
import { type AgentId, type CustomerId, hashSecret, type Ids } from "../../kernel/id.ts";
import type { Log } from "../../kernel/log.ts";
import { cutPage, type Page, type PageQuery } from "../../kernel/page.ts";
import { problems } from "../../kernel/problem.ts";
import type { Database, Store, Tx } from "../../store/index.ts";
import { type Caller, permissions, requireAdmin, requireSuperAdmin } from "./caller.ts";
import { createGuesses, type GuessLimits } from "./guesses.ts";
import { createHashing, type HashFor, type HashLimits } from "./hashing.ts";
import { isSameLine, newRecipe, recipeOf } from "./password.ts";
import { customerProblems } from "./problems.ts";
import {
  type Agent,
  type AgentRow,
  type Customer,
  type CustomerRow,
  showAgent,
  showCustomer,
} from "./record.ts";
import * as customerStore from "./store.ts";
import type { Tokens, VerifiedToken } from "./token.ts";

const username = Type.String({ pattern: "^[A-Za-z0-9._@+-]{1,100}$" });
const password = Type.String({ minLength: 8, maxLength: 1_000 });

/** Body of `POST /auth/login`. */
export const Login = Type.Object(
  {
    username: Type.String({ maxLength: 1_000 }),
    password: Type.String({ maxLength: 1_000 }),
    customer_id: Type.Optional(
      Type.String({
        format: "uuid",
        description: "Of which customer, where several have somebody of this name.",
      }),
    ),
  },
  { title: "Login", description: "Who logs in." },
);
/** Body of `POST /customers`. */
export const NewCustomer = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 1_000 }),
    detail: Type.Optional(Type.String({ maxLength: 10_000 })),
    username,
    password,
  },
  { title: "NewCustomer", description: "A customer and its first administrator." },
);
/** Body of `POST /agents`. */
export const NewAgent = Type.Object(
  {
    username,
    password,
    name: Type.Optional(Type.String({ maxLength: 1_000 })),
    detail: Type.Optional(Type.String({ maxLength: 10_000 })),
    permission: Type.Optional(
      Type.Enum(
        [permissions.customer_agent, permissions.customer_admin, permissions.customer_manager],
        {
          description: "16 agent (the default), 32 admin, 64 manager.",
        },
      ),
    ),
  },
  { title: "NewAgent", description: "Somebody who may log in from now on." },
);

/** Use cases of customers. */
export interface Customers {
  /** Makes the first customer and its administrator where there is none; sets the password where one is configured. `password` is what was made up, to be shown once. */
  bootstrap(given: { username: string; password: string | null }): Promise<{
    username: string;
    password: string | null;
  }>;
  /**
   * Errors: INVALID_CREDENTIALS, as slow for an unknown name as for a wrong password; RATE_LIMIT_EXCEEDED after several wrong ones,
   * for any name alike, and where too many are being checked. A `source` (an address) from which this person logged in before has tries of its own.
   */
  login(given: Static<typeof Login>, source?: string): Promise<{ username: string; token: string }>;
  /** Sets a password anew and ends every log-in of that person; `customer_id` where several customers have that name. Null: there is nobody, or not just one. */
  resetPassword(
    given: { readonly username: string; readonly customer_id: CustomerId | null },
    password: string,
  ): Promise<Agent | null>;
  /** The caller's own customer. */
  own(caller: Caller): Promise<Customer>;
  /** Super admin only. Errors: PERMISSION_DENIED, USERNAME_TAKEN. */
  create(
    caller: Caller,
    input: Static<typeof NewCustomer>,
    sealed?: (tx: Tx, shown: Customer) => Promise<void>,
  ): Promise<Customer>;
  /** The own customer; any for a super admin. Errors: CUSTOMER_NOT_FOUND. */
  get(caller: Caller, id: CustomerId): Promise<Customer>;
  /** Super admin only. Errors: PERMISSION_DENIED. */
  list(caller: Caller, query: PageQuery): Promise<Page<Customer>>;
  /** Admin only. Errors: PERMISSION_DENIED, USERNAME_TAKEN. */
  createAgent(
    caller: Caller,
    input: Static<typeof NewAgent>,
    sealed?: (tx: Tx, shown: Agent) => Promise<void>,
  ): Promise<Agent>;
  /** Errors: AGENT_NOT_FOUND. */
  getAgent(caller: Caller, id: AgentId): Promise<Agent>;
  /** Errors: PERMISSION_DENIED. */
  listAgents(caller: Caller, query: PageQuery): Promise<Page<Agent>>;
  /** Their tokens end at once. Idempotent for the caller's own customer only as 404. Errors: AGENT_NOT_FOUND, PERMISSION_DENIED. */
  removeAgent(caller: Caller, id: AgentId): Promise<Agent>;
  /** Who a verified token speaks for. Errors: INVALID_CREDENTIALS when they are gone. */
  callerOf(token: VerifiedToken): Promise<Caller>;
  /** The small number of a customer, for the legacy view. */
  numberOf(id: CustomerId): Promise<number>;
}

/** How many there may be (`limits.*`). */
export interface CustomerLimits extends HashLimits, GuessLimits {
  /** People who log in for one customer. */
  readonly agents_max: number;
}

/** Places that are remembered of one person. */
const sources_max = 20;

/** Where somebody logged in from, as it is kept. */
const sourceHash = (agent_id: AgentId, source: string): string =>
  hashSecret(`${agent_id} ${source}`);

/** Makes the use cases. */
export function createCustomers(ports: {
  store: Store;
  clock: Clock;
  ids: Ids;
  log: Log;
  tokens: Tokens;
  limits: CustomerLimits;
}): Customers {
  const { store, clock, ids, log, tokens, limits } = ports;
  const hashing = createHashing(clock, limits);
  const guesses = createGuesses(clock, ids.secret(32), limits);
  // What an unknown name is checked with, so that it takes as long as a known one.
  const nobody = newRecipe();

  /**
   * A name has one recipe, whoever of several customers has it: one derivation judges all, so that the time tells nothing
   * of others. Two people of one name have different salts from everybody else all the same.
   */
  const recipeFor = async (username: string): Promise<string> => {
    const [one] = await customerStore.findAgentsByUsername(store.db, username);
    return one ? recipeOf(one.password_hash) : newRecipe();
  };

  const makeLine = async (caller: Caller, username: string, secret: string): Promise<string> => {
    const recipe = await recipeFor(username);
    const given = { source: `customer:${caller.customer_id}`, name: null, is_known: true };
    return await hashing.derive(given, secret, recipe);
  };

  /** For a start or a command, where nobody else asks. */
  const deriveOurs = (secret: string, recipe: string): Promise<string> =>
    hashing.derive({ source: "here", name: null, is_known: true }, secret, recipe);

  /** Whose password this is. */
  const matching = async <T extends AgentRow>(
    candidates: readonly T[],
    secret: string,
    given: HashFor,
  ): Promise<T[]> => {
    const recipes = new Set(candidates.map(({ password_hash }) => recipeOf(password_hash)));
    if (recipes.size === 0) recipes.add(nobody);
    const lines: string[] = [];
    for (const recipe of recipes) {
      lines.push(await hashing.derive(given, secret, recipe));
    }
    return candidates.filter(({ password_hash }) =>
      lines.some((made) => isSameLine(made, password_hash)),
    );
  };

  const remember = async (agent_id: AgentId, source_hash: string): Promise<void> => {
    const given = { agent_id, source_hash, now: clock.now() };
    try {
      await customerStore.keepSource(store.db, given, sources_max);
    } catch (err) {
      log.warn({ err }, "where somebody logged in from could not be kept");
    }
  };

  const addCustomer = (
    db: Database,
    given: { name: string; detail: string },
  ): Promise<CustomerRow> =>
    customerStore.insertCustomer(db, {
      id: ids.next<CustomerId>(),
      ...given,
      tm_create: clock.now(),
      tm_update: null,
      tm_delete: null,
    });

  const addAgent = async (
    db: Database,
    given: Pick<
      AgentRow,
      "customer_id" | "username" | "name" | "detail" | "password_hash" | "permission"
    >,
  ): Promise<AgentRow> => {
    const row: AgentRow = {
      id: ids.next<AgentId>(),
      ...given,
      tm_create: clock.now(),
      tm_update: null,
      tm_delete: null,
      tm_password: null,
    };
    if (!(await customerStore.insertAgent(db, row))) throw customerProblems.USERNAME_TAKEN();
    return row;
  };

  const setPassword = async (agent: AgentRow, password_hash: string): Promise<void> => {
    const now = clock.now();
    const changes = { password_hash, tm_update: now, tm_password: now };
    await customerStore.updateAgent(store.db, agent.customer_id, agent.id, changes);
  };

  // Set while the machine's clock was ahead, the password would be newer than every log-in until that time has come.
  const followClock = async ({ customer_id, id, tm_password }: AgentRow): Promise<void> => {
    const now = clock.now();
    if (tm_password === null || tm_password <= now) return;
    await customerStore.updateAgent(store.db, customer_id, id, { tm_password: now });
  };

  const agentOf = async (caller: Caller, id: AgentId): Promise<AgentRow> => {
    const row = await customerStore.findAgent(store.db, caller.customer_id, id);
    if (!row) throw customerProblems.AGENT_NOT_FOUND();
    return row;
  };

  return {
    async bootstrap(given) {
      const known = await customerStore.findSuperAdmin(store.db, given.username);
      if (known) {
        const { password } = given;
        const made =
          password === null ? null : await deriveOurs(password, recipeOf(known.password_hash));
        if (made !== null && !isSameLine(made, known.password_hash)) {
          await setPassword(known, made);
          log.info({ agent_id: known.id }, "the administrator's password was set");
        }
        return { username: given.username, password: null };
      }
      const made_up = given.password === null ? ids.secret(20) : null;
      const recipe = await recipeFor(given.username);
      const password_hash = await deriveOurs(given.password ?? made_up ?? "", recipe);
      await store.transaction(async (tx) => {
        const customer = await addCustomer(tx.db, { name: given.username, detail: "" });
        await addAgent(tx.db, {
          customer_id: customer.id,
          username: given.username,
          name: given.username,
          detail: "",
          password_hash,
          permission: permissions.project_super_admin | permissions.customer_admin,
        });
      });
      return { username: given.username, password: made_up };
    },

    async login(given, source = "here") {
      const named = await customerStore.findAgentsByUsername(store.db, given.username);
      const candidates = named.filter(
        ({ customer_id }) =>
          given.customer_id === undefined || given.customer_id.toLowerCase() === customer_id,
      );
      const isKnown = ({ id, sources }: customerStore.AgentWithSources): boolean =>
        sources.includes(sourceHash(id, source));
      const is_known = candidates.some(isKnown);
      const key = is_known ? `${given.username} ${source}` : given.username;
      const retry_after_s = guesses.take(key);
      if (retry_after_s > 0) {
        throw problems.RATE_LIMIT_EXCEEDED({
          message: "too many wrong passwords: wait before the next try",
          retry_after_s,
          details: [{ limited_by: "username" }],
        });
      }
      let right: customerStore.AgentWithSources[];
      try {
        const { username: name } = given;
        right = await matching(candidates, given.password, { source, name, is_known });
      } catch (reason) {
        guesses.undo(key);
        throw reason;
      }
      // Where two customers have the same name with the same password: who comes from a known place, else the newest.
      const agent = right.find(isKnown) ?? right[0];
      if (!agent) throw problems.INVALID_CREDENTIALS({ message: "user name or password is wrong" });
      guesses.undo(key);
      // Whoever was answered is known there from now on.
      await remember(agent.id, sourceHash(agent.id, source));
      await followClock(agent);
      const { token } = await tokens.signAgent(agent);
      return { username: agent.username, token };
    },

    async resetPassword({ username: name, customer_id }, password) {
      const named = await customerStore.findAgentsByUsername(store.db, name);
      const found = named.filter(
        (agent) => customer_id === null || agent.customer_id === customer_id,
      );
      const [agent] = found;
      if (!agent || found.length > 1) return null;
      const line = await deriveOurs(password, recipeOf(agent.password_hash));
      await setPassword(agent, line);
      return showAgent(agent);
    },

    async own(caller) {
      const row = await customerStore.findCustomer(store.db, caller.customer_id);
      if (!row) throw customerProblems.CUSTOMER_NOT_FOUND();
      return showCustomer(row);
    },

    async create(caller, input, sealed) {
      requireSuperAdmin(caller);
      const password_hash = await makeLine(caller, input.username, input.password);
      return store.transaction(async (tx) => {
        const given = { name: input.name, detail: input.detail ?? "" };
        const customer = await addCustomer(tx.db, given);
        await addAgent(tx.db, {
          customer_id: customer.id,
          username: input.username,
          name: input.username,
          detail: "",
          password_hash,
          permission: permissions.customer_admin,
        });
        const shown = showCustomer(customer);
        await sealed?.(tx, shown);
        return shown;
      });
    },

    async get(caller, id) {
      const is_super =
        caller.type !== "participant" &&
        (caller.permission & permissions.project_super_admin) !== 0;
      const row =
        is_super || id === caller.customer_id
          ? await customerStore.findCustomer(store.db, id)
          : null;
      if (!row) throw customerProblems.CUSTOMER_NOT_FOUND();
      return showCustomer(row);
    },

    async list(caller, query) {
      requireSuperAdmin(caller);
      return cutPage(await customerStore.pageCustomers(store.db, query), query, showCustomer);
    },

    async createAgent(caller, input, sealed) {
      requireAdmin(caller);
      const { agents_max } = limits;
      if (
        (await customerStore.countAgents(store.db, caller.customer_id, agents_max)) >= agents_max
      ) {
        throw problems.LIMIT_EXCEEDED({
          message: `a customer has ${agents_max} people who log in`,
          details: [{ limit: agents_max }],
        });
      }
      const password_hash = await makeLine(caller, input.username, input.password);
      return store.transaction(async (tx) => {
        const row = await addAgent(tx.db, {
          customer_id: caller.customer_id,
          username: input.username,
          name: input.name ?? "",
          detail: input.detail ?? "",
          password_hash,
          permission: input.permission ?? permissions.customer_agent,
        });
        const shown = showAgent(row);
        await sealed?.(tx, shown);
        return shown;
      });
    },

    async getAgent(caller, id) {
      requireAdmin(caller);
      return showAgent(await agentOf(caller, id));
    },

    async listAgents(caller, query) {
      requireAdmin(caller);
      const rows = await customerStore.pageAgents(store.db, caller.customer_id, query);
      return cutPage(rows, query, showAgent);
    },

    async removeAgent(caller, id) {
      const { id: own_id } = requireAdmin(caller);
      const agent = await agentOf(caller, id);
      if (agent.id === own_id) {
        throw problems.STATE_INVALID({ message: "nobody removes themselves" });
      }
      const now = clock.now();
      const row = await customerStore.updateAgent(store.db, caller.customer_id, id, {
        // The name becomes free again; the record stays, since the journal names it.
        username: `${agent.username}#${id}`,
        tm_delete: now,
        tm_update: now,
      });
      if (!row) throw customerProblems.AGENT_NOT_FOUND();
      return showAgent({ ...row, username: agent.username });
    },

    async callerOf(token) {
      if (token.type === "participant") {
        return token;
      }
      if (token.type === "agent") {
        const agent = await customerStore.findAgent(store.db, token.customer_id, token.id);
        if (!agent) throw problems.INVALID_CREDENTIALS();
        const { id, customer_id, permission, tm_password } = agent;
        // A new password ends what was begun with the one before.
        if (tm_password !== null && (token.tm_issue ?? 0) < tm_password) {
          throw problems.TOKEN_REVOKED();
        }
        return { type: "agent", id, customer_id, permission, view: null };
      }
      const customer = await customerStore.findCustomer(store.db, token.customer);
      if (!customer) throw problems.INVALID_CREDENTIALS();
      return {
        type: "agent",
        // These tokens name no person; the customer itself stands for them.
        id: customer.id as string as AgentId,
        customer_id: customer.id,
        permission: token.permission,
        view: token.view,
      };
    },

    async numberOf(id) {
      const row = await customerStore.findCustomer(store.db, id);
      return row?.number ?? 0;
    },
  };
}
