// Another customer, in a process of their own: asks until its input ends, then prints how long the answers took: of the database, and of files, which need the pool of threads that DNS and zlib need, too. Beside it, it asks a server that does nothing, which tells what the machine itself adds.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const [url = "", path = "", token = ""] = process.argv.slice(2);
const control = spawn(
  process.execPath,
  [
    "-e",
    `const server = require("node:http").createServer((_, reply) => reply.end("{}"));
     server.listen(0, "127.0.0.1", () => console.log(server.address().port));
     process.stdin.resume().on("end", () => process.exit(0));`,
  ],
  { stdio: ["pipe", "pipe", "inherit"] },
);
const [port] = (await once(createInterface({ input: control.stdout }), "line")) as [string];

let is_over = false;
process.stdin.resume().on("end", () => {
  is_over = true;
});

async function timed(address: string, headers: Record<string, string>): Promise<number> {
  const began = performance.now();
  const reply = await fetch(address, { headers });
  await reply.arrayBuffer();
  if (!reply.ok) throw new Error(`a bystander was answered ${reply.status}`);
  return performance.now() - began;
}

const asked: number[] = [];
const files: number[] = [];
const nothing: number[] = [];
// The first ones load what fetch needs, here.
for (let count = 0; !is_over; count += 1) {
  const took_ms = await timed(`${url}${path}`, { authorization: `Bearer ${token}` });
  const took_file_ms = await timed(`${url}/docs/docs.js`, {});
  const took_nothing_ms = await timed(`http://127.0.0.1:${port}/`, {});
  if (count >= 5) {
    asked.push(took_ms);
    files.push(took_file_ms);
    nothing.push(took_nothing_ms);
  }
  await new Promise((done) => setTimeout(done, 5));
}
control.stdin.end();
const p99 = (times: number[]): number => {
  times.sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? 0;
};
const told = { p99_ms: p99(asked), file_p99_ms: p99(files), machine_p99_ms: p99(nothing) };
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit(0);
