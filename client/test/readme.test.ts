// The examples of the README and of examples/ hold against the SDK's own types.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";

const root = join(import.meta.dirname, "..");

/** Type errors of some sources, which import the SDK by its name. */
function check(sources: ReadonlyMap<string, string>): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2024.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    types: [],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    paths: { "@parley/client": [join(root, "src/index.ts")] },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists.call(host, path);
  host.readFile = (path) => sources.get(path) ?? readFile.call(host, path);
  host.getSourceFile = (path, target, ...rest) => {
    const text = sources.get(path);
    return text === undefined
      ? getSourceFile.call(host, path, target, ...rest)
      : ts.createSourceFile(path, text, target, true);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

const readme = readFileSync(join(root, "README.md"), "utf8");
const examples = new Map([
  ...[...readme.matchAll(/```ts\n(.*?)```/gs)].map(
    ([, text = ""], index) => [join(root, `readme-${index + 1}.ts`), text] as const,
  ),
  ...readdirSync(join(root, "examples"))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(root, "examples", name);
      return [path, readFileSync(path, "utf8")] as const;
    }),
]);

test("every_example_compiles_against_the_sdk", () => {
  assert.ok(examples.size >= 7, `found ${examples.size} examples`);
  assert.deepEqual(check(examples), []);
});

test("an_example_with_a_fault_does_not_compile", () => {
  const path = join(root, "fault.ts");
  const text =
    'import { joinConference } from "@parley/client";\nawait joinConference({ nonsense: 1 });\n';
  assert.match(check(new Map([[path, text]])).join("\n"), /nonsense/);
});

test("the_readme_names_every_reason_for_an_end", () => {
  const view = readFileSync(join(root, "src/view.ts"), "utf8");
  const reasons = [
    ...(/export type EndingReason =([^;]*);/.exec(view)?.[1] ?? "").matchAll(/"(\w+)"/g),
  ];
  assert.ok(reasons.length > 5);
  for (const [, reason] of reasons) assert.ok(readme.includes(`\`${reason}\``), String(reason));
});
