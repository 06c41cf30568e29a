// What the media port promises: its verbs and its events.
import type {
  Capabilities,
  Codec,
  EndpointId,
  EndpointOpen,
  EndpointPublish,
  EndpointRestart,
  EndReason,
  Fingerprint,
  RoomId,
  Source,
  Stats,
  TileState,
  TileWish,
  VoiceSlot,
} from "./wire.ts";

/** Where a room's worker is reached, for the answer. */
export interface RoomTransport {
  /** Certificate of the worker that holds the room; the same after a replacement. */
  readonly fingerprint: Fingerprint;
  /** Addresses to offer, best first. */
  readonly candidates: readonly MediaCandidate[];
}

/** One host candidate of a worker. */
export interface MediaCandidate {
  readonly transport: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
  /** RFC 8445 section 5.1.2.1. */
  readonly priority: number;
  readonly foundation: string;
}

/** What workers tell by themselves. */
export interface MediaEvents {
  /** DTLS is done and media flows; also after a restart of ICE with a new DTLS association. */
  endpoint_connected: { endpoint: EndpointId; detail: string };
  /** Nothing has come from it for some seconds. */
  endpoint_silent: { endpoint: EndpointId };
  /** It is back. */
  endpoint_back: { endpoint: EndpointId };
  /** It ended by itself; the worker has forgotten it. */
  endpoint_ended: { endpoint: EndpointId; reason: EndReason };
  /** Whose voice fills which slot of this endpoint; whole state. */
  voice_slots: { endpoint: EndpointId; slots: readonly VoiceSlot[] };
  /** What this endpoint's tiles show; whole state. */
  tiles: { endpoint: EndpointId; tiles: readonly TileState[] };
  /** Somebody cannot see a line of this endpoint because of its codec: these would do for all who look. */
  publish_codec_wanted: {
    endpoint: EndpointId;
    mid: string;
    source: Source;
    codecs: readonly Codec[];
  };
  /** Who speaks in a room; whole state. */
  speakers: {
    room: RoomId;
    active: EndpointId | null;
    speaking: readonly EndpointId[];
  };
  /** A fault in the worker ended this room; its endpoints are gone. */
  room_failed: { room: RoomId; message: string };
  /** This room ended its worker, or failed, again and again: it is closed and not to be opened again; its endpoints are gone. */
  room_quarantined: { room: RoomId; message: string; endpoints: readonly EndpointId[] };
  /** A worker died and its successor could not go on with these; they must join anew with resume. */
  endpoints_lost: { endpoints: readonly EndpointId[] };
  /** A worker process died; its rooms are being set up again. For metrics and logs. */
  worker_died: { worker: number; reason: string; rooms: number; endpoints: number };
}

/** The media port. */
export interface Media {
  /** Starts every worker and resolves when all are configured. Errors: WorkerStartFailure. */
  start(): Promise<void>;
  /** What SDP may promise. */
  capabilities(): Capabilities;
  /** Places a room on the least loaded worker; one without anybody in it leaves a worker that is down. Idempotent. Errors: MEDIA_UNAVAILABLE, MEDIA_REFUSED (it is quarantined). */
  openRoom(room: RoomId): Promise<void>;
  /** Closes a room and every endpoint in it. Idempotent, also for rooms never opened. */
  closeRoom(room: RoomId): Promise<void>;
  /** Fingerprint and candidates of an open room's worker. Errors: MEDIA_UNAVAILABLE. */
  transport(room: RoomId): RoomTransport;
  /** Opens an endpoint in an open room. Errors: MEDIA_UNAVAILABLE, MEDIA_REFUSED. */
  openEndpoint(open: EndpointOpen): Promise<void>;
  /** New ICE credentials for a living endpoint. Errors: MEDIA_ENDPOINT_NOT_FOUND, MEDIA_UNAVAILABLE. */
  restartEndpoint(restart: EndpointRestart): Promise<void>;
  /** What the endpoint's lines publish at the moment. Errors: as restartEndpoint, MEDIA_REFUSED. */
  publish(state: EndpointPublish): Promise<void>;
  /** What the endpoint wants in its tiles. Errors: as publish. */
  tiles(endpoint: EndpointId, tiles: readonly TileWish[]): Promise<void>;
  /** Lets a connected endpoint into the room, or takes it out while its transport stays. Errors: as publish. */
  enter(endpoint: EndpointId, entered: boolean): Promise<void>;
  /** Closes an endpoint. Idempotent. */
  closeEndpoint(endpoint: EndpointId): Promise<void>;
  /** Whether the endpoint is open, on a living worker or one being replaced. */
  hasEndpoint(endpoint: EndpointId): boolean;
  /** Counters of every living worker that tells them; one that does not is left out. */
  stats(): Promise<readonly { worker: number; pid: number; stats: Stats }[]>;
  /** State of every worker, for /health. */
  health(): readonly {
    worker: number;
    pid: number | null;
    /** Where it receives UDP, `host:port`; null before it is up for the first time. */
    address: string | null;
    state: "starting" | "up" | "down";
    rooms: number;
    endpoints: number;
    deaths: number;
    /** Why it is not up, for people; null while it is. */
    failure: string | null;
  }[];
  /** Rooms that were closed since they ended their workers, the latest last. */
  quarantined(): readonly { readonly room: RoomId; readonly message: string }[];
  /** Registers a listener; the result removes it. */
  on<Name extends keyof MediaEvents>(
    name: Name,
    listener: (event: MediaEvents[Name]) => void,
  ): () => void;
  /** Shuts all workers down: BYE and close_notify everywhere, then the processes end. */
  close(): Promise<void>;
}
