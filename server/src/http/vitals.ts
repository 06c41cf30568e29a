// How this server is: for everybody one word, the rest for those whom the settings name and for who runs the installation.

import { timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Authenticator } from "../domain/accesskey/index.ts";
import { permissions } from "../domain/customer/index.ts";
import { type Networks, readNetworks } from "../kernel/address.ts";
import { hashSecret } from "../kernel/id.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { type Rate, rateAddress } from "./rate.ts";
import { json_type } from "./route.ts";

/** Who may read the vitals, and where they come from. */
export interface VitalsPorts {
  readonly authenticator: Authenticator;
  /** Per address, for credentials that are not known yet. */
  readonly rate: Rate;
  /** `http.vitals_token`; "" is none. */
  readonly vitals_token: string;
  /** `http.vitals_addresses`. */
  readonly vitals_addresses: readonly string[];
  health(): Promise<{ readonly ok: boolean; readonly parts: object }>;
  metrics(): Promise<string>;
}

/** Adds `/ping`, `/health` and `/metrics`. */
export function addVitals(app: FastifyInstance, ports: VitalsPorts): void {
  const mayRead = createVitalsJudge(ports);
  app.get("/ping", (_request, reply) => reply.type(json_type).send('{"result":"pong"}'));
  app.get("/health", async (request, reply) => {
    const { ok, parts } = await ports.health();
    const is_shown = (await mayRead(request)) === null;
    return reply
      .code(ok ? 200 : 503)
      .headers(ok ? {} : { "retry-after": "1" })
      .type(json_type)
      .send(JSON.stringify(is_shown ? { ok, parts } : { ok }));
  });
  app.get("/metrics", async (request, reply) => {
    const refusal = await mayRead(request);
    if (refusal) throw refusal;
    return reply.type("text/plain; version=0.0.4; charset=utf-8").send(await ports.metrics());
  });
}

function createVitalsJudge(
  ports: VitalsPorts,
): (request: FastifyRequest) => Promise<Problem | null> {
  const { authenticator } = ports;
  const addresses = readNetworks(ports.vitals_addresses);
  const token_hash = ports.vitals_token === "" ? null : Buffer.from(hashSecret(ports.vitals_token));
  return async (request) => {
    if (isListed(request, addresses)) return null;
    try {
      const credential = authenticator.credentialOf({
        authorization: request.headers.authorization,
        cookie: request.headers.cookie,
        url: request.url,
      });
      if (credential === null) return problems.AUTHENTICATION_REQUIRED();
      // Hashes are compared, so that the time tells nothing of the text.
      if (token_hash && timingSafeEqual(Buffer.from(hashSecret(credential)), token_hash))
        return null;
      let caller = authenticator.known(credential);
      if (!caller) {
        const retry_after_s = ports.rate.take(rateAddress(request.ip));
        if (retry_after_s > 0) return problems.RATE_LIMIT_EXCEEDED({ retry_after_s });
        caller = await authenticator.authenticate(credential);
      }
      const is_platform =
        caller.type !== "participant" &&
        (caller.permission & permissions.project_super_admin) !== 0;
      return is_platform ? null : problems.PERMISSION_DENIED();
    } catch (thrown) {
      if (thrown instanceof Problem) return thrown;
      throw thrown;
    }
  };
}

// Of who connects. What came through a proxy that is not named has the proxy's address and is nobody's.
function isListed(request: FastifyRequest, addresses: Networks): boolean {
  const { headers, ip } = request;
  const is_forwarded = ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some(
    (name) => headers[name] !== undefined,
  );
  if (is_forwarded && ip === request.socket.remoteAddress) return false;
  return addresses.has(ip);
}
