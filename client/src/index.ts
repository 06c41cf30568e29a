// The Parley SDK: everything a page may use.
export {
  type BrowserStore,
  type KeptStorage,
  openBrowserStore,
  store_prefix,
} from "./browser-store.ts";
export type {
  Chat,
  ConferenceOptions,
  Invitation,
  JoinedConference,
  JoinNotices,
  JoinOptions,
  Seat,
  WatchedConference,
  WatchNotices,
} from "./conference.ts";
export type {
  Device,
  DeviceKindView,
  Devices,
  DevicesNotices,
  DevicesOptions,
  DevicesView,
  OpenDeviceView,
} from "./devices.ts";
export { openDevices } from "./devices.ts";
export type { Notices } from "./emitter.ts";
export { joinConference } from "./join.ts";
export { type BrowserReason, Problem } from "./problem.ts";
export type { Tile, TileNotices, TileSize, TileView } from "./tile.ts";
export { version } from "./version.ts";
export type {
  ChatView,
  ConferenceView,
  ConnectionState,
  EndedBy,
  Ending,
  EndingReason,
  OwnSource,
  OwnView,
  PendingMessage,
  Person,
  Quality,
  QualityLevel,
} from "./view.ts";
export { watchConference } from "./watch.ts";
export type {
  Conference,
  Conferencecall,
  JournalEvent,
  LeaveReason,
  Message,
  Reaction,
  Role,
  Source,
  TileReason,
  You,
} from "./wire.ts";
