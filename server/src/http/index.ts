// Public face of the REST edge.
export { describeCatalogue, describeRoutes } from "./openapi.ts";
export type { AnyRoute, Ask } from "./route.ts";
export { createRoutes, type RoutePorts } from "./routes.ts";
export { createHttp, type Http, type HttpPorts, openapiRoute } from "./server.ts";
