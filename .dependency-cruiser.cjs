// Import directions (docs/design/structure.md). Every rule was seen to fire on a planted fault.
const PORT = "store|bus|media|sdp|sip|outside";
const S = "^server/src/";
// A noun may import only nouns to its left.
const NOUNS = [
  "customer",
  "accesskey",
  "webhook",
  "flow",
  "recording",
  "message",
  "conversation",
  "talk",
  "call",
  "conferencecall",
  "conference",
];
const TEST = "\\.test\\.ts$";
const rule = (name, from, to) => ({ name, severity: "error", from, to });

module.exports = {
  forbidden: [
    rule("no-cycles", {}, { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }),
    rule(
      "kernel-is-the-floor",
      { path: `${S}kernel/`, pathNot: TEST },
      { path: S, pathNot: `${S}kernel/` },
    ),
    rule(
      "ports-stand-alone",
      { path: `${S}(${PORT})/`, pathNot: TEST },
      { path: S, pathNot: [`${S}kernel/`, `${S}$1/`] },
    ),
    rule(
      "nouns-see-ports-as-types",
      { path: `${S}domain/`, pathNot: TEST },
      { path: `${S}(${PORT})/`, dependencyTypesNot: ["type-only"] },
    ),
    rule(
      "nouns-look-down",
      { path: `${S}domain/`, pathNot: TEST },
      { path: `${S}(actions|http|realtime|main)` },
    ),
    rule(
      "by-the-front-door",
      { path: `${S}domain/([^/]+)/`, pathNot: TEST },
      { path: `${S}domain/`, pathNot: [`${S}domain/$1/`, "/index\\.ts$"] },
    ),
    rule(
      "edges-apart",
      { path: `${S}(http|realtime)/`, pathNot: TEST },
      { path: `${S}(http|realtime)/`, pathNot: `${S}$1/` },
    ),
    rule("client-stands-alone", { path: "^client/src/" }, { path: "^(server|web|worker|tools)/" }),
    rule(
      "client-has-no-dependency",
      { path: "^client/src/", pathNot: TEST },
      { dependencyTypes: ["npm", "npm-dev", "core"] },
    ),
    rule(
      "pages-see-only-the-client",
      { path: "^web/src/" },
      { path: "^(server|worker|tools|scenario|bench)/" },
    ),
    rule(
      "nobody-imports-tests",
      { pathNot: [TEST, "^(scenario|bench|server/test)/"] },
      { path: [TEST, "^(scenario|server/test)/"] },
    ),
    ...NOUNS.slice(0, -1).map((noun, at) =>
      rule(
        `left-of-${noun}`,
        { path: `${S}domain/${noun}/`, pathNot: TEST },
        { path: `${S}domain/(${NOUNS.slice(at + 1).join("|")})/` },
      ),
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|target|results)/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "default"],
    },
  },
};
