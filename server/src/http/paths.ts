// What is known of each path: its methods, and what bodies they take. For OPTIONS, and for answers to methods that it lacks.
import type { AnyRoute } from "./route.ts";

/** One path. */
export interface KnownPath {
  /** `GET, HEAD, POST, OPTIONS` (RFC 9110 section 10.2.1). */
  readonly allow: string;
  readonly methods: ReadonlySet<string>;
  /** `allow`, and the methods of what is made here: for pages of other origins. */
  readonly cors_methods: string;
  /** `Accept-Post` and `Accept-Patch`, where there are such methods (RFC 9725 section 4.2, RFC 5789 section 3.1). */
  readonly accepts: Readonly<Record<string, string>>;
  /** Whether a WebSocket is spoken here. */
  readonly is_socket: boolean;
  /** Whether a join token is enough here, whatever the method. */
  readonly is_for_links: boolean;
}

/** Every path. */
export interface Paths {
  /** Tells of a route, its path in the router's form. */
  add(method: string | readonly string[], path: string): void;
  addSocket(path: string): void;
  /** Tells who may ask a route, and which bodies it takes. */
  takes(
    path: string,
    route: Pick<AnyRoute, "method" | "auth" | "body" | "texts" | "made_takes">,
  ): void;
  /** Null where nothing is known. */
  find(path: string): KnownPath | null;
}

interface Entry {
  readonly shape: RegExp;
  readonly methods: Set<string>;
  readonly made_takes: Set<string>;
  readonly accepts: Record<string, string>;
  is_socket: boolean;
  is_for_links: boolean;
}

const order = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const written = (methods: ReadonlySet<string>): string =>
  [...methods].toSorted((a, b) => order.indexOf(a) - order.indexOf(b)).join(", ");

/** Makes it, empty. */
export function createPaths(): Paths {
  const plain = new Map<string, Entry>();
  const shaped = new Map<string, Entry>();
  const entry = (path: string): Entry => {
    const bare = path.replace(/(?<=.)\/$/, "");
    const entries = /[:*]/.test(bare) ? shaped : plain;
    const known = entries.get(bare);
    if (known) return known;
    const source = bare
      .replaceAll(/[.\\+?^$()[\]{}|]/g, "\\$&")
      .replaceAll(/:\w+/g, "[^/]+")
      .replaceAll("*", ".*");
    const made = {
      shape: new RegExp(`^${source}$`),
      methods: new Set<string>(),
      made_takes: new Set<string>(),
      accepts: {},
      is_socket: false,
      is_for_links: false,
    };
    entries.set(bare, made);
    return made;
  };
  return {
    add(method, path) {
      const { methods } = entry(path);
      for (const one of [method].flat()) methods.add(one as string);
      methods.add("OPTIONS");
    },
    addSocket(path) {
      const known = entry(path);
      known.is_socket = true;
      known.methods.add("GET").add("OPTIONS");
    },
    takes(path, { method, auth, body, texts, made_takes }) {
      if (auth === "any") entry(path).is_for_links = true;
      for (const one of made_takes ?? []) entry(path).made_takes.add(one);
      const types = [...(texts ?? []), ...(body ? ["application/json"] : [])];
      if (types.length === 0) return;
      if (method === "POST") entry(path).accepts["accept-post"] = types.join(", ");
      if (method === "PATCH") entry(path).accepts["accept-patch"] = types.join(", ");
    },
    find(path) {
      const bare = path.replace(/(?<=.)\/$/, "");
      const found = plain.get(bare) ?? [...shaped.values()].find(({ shape }) => shape.test(bare));
      if (!found) return null;
      const { methods, made_takes, accepts, is_socket, is_for_links } = found;
      const allow = written(methods);
      const cors_methods = made_takes.size > 0 ? written(methods.union(made_takes)) : allow;
      return { allow, methods, cors_methods, accepts, is_socket, is_for_links };
    },
  };
}
