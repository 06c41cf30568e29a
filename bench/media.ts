// (a), (b), (d) The media worker: CPU of a forwarded packet beside the machine's floor, share of a core that a mix takes, memory of an endpoint.
// The load generator (worker/crates/load) drives the real worker with far ends that do ICE, DTLS and SRTP on loopback.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";

const folder = "worker";
const generator = "parley-load";
const output_bytes_max = 2 ** 20;

function main(): void {
  const worker = workerProgram();
  const load = build(generator);
  const load_average_before = loadavg()[0];
  const { status, stdout } = spawnSync(load, [worker], {
    encoding: "utf8",
    maxBuffer: output_bytes_max,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${generator} ended with ${status}`);
  const result = {
    measurement: "media",
    commit: execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      load_average_1min_before: Number(load_average_before?.toFixed(2)),
    },
    load: "forward: one publisher, 240 packets/s of 1,000 bytes, to viewers on loopback with transport-wide feedback; burst = 8 packets of a frame together, spread = one each 4.2 ms. mix: 3 talkers who listen too, and listeners of one Opus mix. The floor is measured right before and right after each, and the mean taken",
    ...(JSON.parse(stdout) as object),
    targets: {
      "forward.ratio_to_floor": "at most 2",
      "mix.mixing_percent_of_a_core": "at most 8 with 1,000 listeners",
      memory_bytes_per_endpoint: "at most 65536",
    },
  };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/media.json", `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

// The launcher has built the worker before any measurement begins.
function workerProgram(): string {
  const given = process.env["PARLEY_MEDIA_WORKER_BIN"];
  const program = given ?? join(".cache", "worker", "current");
  if (!existsSync(program))
    throw new Error(`no media worker at ${program}: npm run bench builds it`);
  return program;
}

function build(name: string): string {
  execFileSync("cargo", ["build", "--release", "--locked", "--package", name], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return join(process.env["CARGO_TARGET_DIR"] ?? join(folder, "target"), "release", name);
}

main();
