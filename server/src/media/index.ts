// The media workers seen from Node: a handful of verbs on rooms and endpoints, and events back.
// Workers that die are replaced behind this face; what survived and what was lost is an event.
export type { ListAddresses } from "./candidates.ts";
export type { Media, MediaCandidate, MediaEvents, RoomTransport } from "./port.ts";
export { WorkerStartFailure } from "./problems.ts";
export { type SpawnWorker, spawnWorkerProcess, type WorkerProcess } from "./process.ts";
export { createMedia, type MediaConfig, type MediaPorts } from "./supervisor.ts";
export type * from "./wire.ts";
