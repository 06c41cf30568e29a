// Log-in and log-out.
import { Type } from "typebox";
import type { Authenticator } from "../domain/accesskey/index.ts";
import { type Customers, Login } from "../domain/customer/index.ts";
import { rateAddress } from "../kernel/address.ts";
import { Answer, type AnyRoute, route } from "./route.ts";

const cookie = (token: string, lifetime_s: number, is_secure: boolean): string =>
  `token=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${lifetime_s}${is_secure ? "; Secure" : ""}`;

const LoggedIn = Type.Object(
  { username: Type.String(), token: Type.String({ description: "The credential." }) },
  { title: "LoggedIn", description: "Somebody's log-in." },
);

/** Routes of `/auth`. */
export function authRoutes(ports: {
  customers: Customers;
  authenticator: Pick<Authenticator, "logOut">;
  token_lifetime_ms: number;
}): AnyRoute[] {
  return [
    route({
      method: "POST",
      path: "/auth/login",
      operation: "logIn",
      auth: "none",
      tag: "Log-in",
      summary: "Trade a user name and password for a token",
      description:
        "The token goes into `?token=` or `Authorization: Bearer`. Browsers also get it as a cookie that scripts cannot read. After several wrong passwords (`limits.password_guesses_free`) the next try has to wait, for any user name alike: a second, then twice as long each time, up to `limits.password_delay_max_ms`. An address from which this person has logged in before is counted apart. Passwords are checked few at a time; where too many wait, the answer is 429 with `Retry-After`.",
      body: Login,
      replies: {
        200: {
          description: "The token.",
          schema: LoggedIn,
        },
      },
      problems: ["INVALID_CREDENTIALS", "RATE_LIMIT_EXCEEDED"],
      async run({ body, address, is_secure }) {
        const shown = await ports.customers.login(body, rateAddress(address));
        const lifetime_s = Math.floor(ports.token_lifetime_ms / 1000);
        return new Answer({
          body: shown,
          headers: { "set-cookie": cookie(shown.token, lifetime_s, is_secure) },
        });
      },
    }),
    route({
      method: "POST",
      path: "/auth/logout",
      operation: "logOut",
      auth: "none",
      tag: "Log-in",
      summary: "End a log-in",
      description:
        "The token of the request, wherever it stands, counts no more from now on, and its sockets are closed; the cookie is taken back. Also answers 200 where there is none.",
      query: Type.Object({
        token: Type.Optional(Type.String({ description: "The token, where no header has it." })),
      }),
      replies: { 200: { description: "Done.", schema: Type.Object({}) } },
      async run({ headers, query, is_secure }) {
        const url =
          query.token === undefined ? "" : `?${new URLSearchParams({ token: query.token })}`;
        const { authorization, cookie: cookies } = headers;
        await ports.authenticator.logOut({ authorization, cookie: cookies, url });
        return new Answer({ body: {}, headers: { "set-cookie": cookie("", 0, is_secure) } });
      },
    }),
  ];
}
