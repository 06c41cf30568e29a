// Routes of customers and of those who log in for them.
import { Type } from "typebox";
import type { Authenticator } from "../domain/accesskey/index.ts";
import {
  Agent,
  Customer,
  type Customers,
  NewAgent,
  NewCustomer,
} from "../domain/customer/index.ts";
import type { AgentId, CustomerId } from "../kernel/id.ts";
import { page_query, pageFrom, pageOf } from "./paging.ts";
import { Answer, type AnyRoute, route } from "./route.ts";

/** Routes of `/v1.0/customers`, `/v1.0/customer` and `/v1.0/agents`. */
export function customerRoutes(ports: {
  customers: Customers;
  authenticator: Authenticator;
}): AnyRoute[] {
  const { customers } = ports;
  const tag = "Customers";
  const customer = { 200: { description: "The customer.", schema: Customer } };
  return [
    route({
      method: "GET",
      path: "/v1.0/customer",
      operation: "getOwnCustomer",
      auth: "customer",
      tag,
      summary: "Read your own customer",
      replies: customer,
      run: ({ caller }) => customers.own(caller),
    }),
    route({
      method: "GET",
      path: "/v1.0/customers",
      operation: "listCustomers",
      is_list: true,
      auth: "customer",
      tag,
      summary: "List customers, newest first (super admin)",
      query: Type.Object(page_query),
      replies: { 200: { description: "A page.", schema: pageOf(Customer) } },
      run: ({ caller, query }) => customers.list(caller, pageFrom(query)),
    }),
    route({
      method: "POST",
      path: "/v1.0/customers",
      operation: "createCustomer",
      starts: true,
      auth: "customer",
      tag,
      summary: "Create a customer and its first administrator (super admin)",
      body: NewCustomer,
      is_closed: true,
      replies: customer,
      problems: ["USERNAME_TAKEN"],
      run: ({ caller, body, sealed }) => customers.create(caller, body, sealed),
    }),
    route({
      method: "GET",
      path: "/v1.0/customers/{id}",
      operation: "getCustomer",
      auth: "customer",
      tag,
      summary: "Read a customer",
      params: Type.Object({
        id: Type.Unsafe<CustomerId>(Type.String({ format: "uuid", description: "The customer." })),
      }),
      replies: customer,
      problems: ["CUSTOMER_NOT_FOUND"],
      run: ({ caller, params }) => customers.get(caller, params.id),
    }),
    ...agentRoutes(ports),
  ];
}

function agentRoutes(ports: { customers: Customers; authenticator: Authenticator }): AnyRoute[] {
  const { customers } = ports;
  const tag = "Agents";
  const params = Type.Object({
    id: Type.Unsafe<AgentId>(Type.String({ format: "uuid", description: "The agent." })),
  });
  const agent = { description: "The agent.", schema: Agent };
  return [
    route({
      method: "GET",
      path: "/v1.0/agents",
      operation: "listAgents",
      is_list: true,
      auth: "customer",
      tag,
      summary: "List who logs in, newest first",
      query: Type.Object(page_query),
      replies: { 200: { description: "A page.", schema: pageOf(Agent) } },
      run: ({ caller, query }) => customers.listAgents(caller, pageFrom(query)),
    }),
    route({
      method: "POST",
      path: "/v1.0/agents",
      operation: "createAgent",
      starts: true,
      auth: "customer",
      tag,
      summary: "Let somebody log in",
      body: NewAgent,
      is_closed: true,
      replies: { 201: agent },
      problems: ["USERNAME_TAKEN"],
      async run({ caller, body, sealed }) {
        const shown = await customers.createAgent(caller, body, (tx, made) =>
          sealed ? sealed(tx, made, { status: 201 }) : Promise.resolve(),
        );
        return new Answer({ status: 201, body: shown });
      },
    }),
    route({
      method: "GET",
      path: "/v1.0/agents/{id}",
      operation: "getAgent",
      auth: "customer",
      tag,
      summary: "Read an agent",
      params,
      replies: { 200: agent },
      problems: ["AGENT_NOT_FOUND"],
      run: (ask) => customers.getAgent(ask.caller, ask.params.id),
    }),
    route({
      method: "DELETE",
      path: "/v1.0/agents/{id}",
      operation: "deleteAgent",
      auth: "customer",
      tag,
      summary: "Remove an agent; their tokens end at once",
      params,
      replies: { 200: agent },
      problems: ["AGENT_NOT_FOUND", "STATE_INVALID"],
      async run(ask) {
        const gone = await customers.removeAgent(ask.caller, ask.params.id);
        ports.authenticator.forget(gone.id);
        return gone;
      },
    }),
  ];
}
