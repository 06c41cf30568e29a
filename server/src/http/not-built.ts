// Routes that the interface knows and this server does not have: their answer says so, and a typing error stays a 404.

/** A path and what it would be. */
interface Absent {
  readonly shape: RegExp;
  readonly feature: string;
  /** Only with this method, where the path has others. */
  readonly method?: string;
}

const under = (feature: string, ...nouns: string[]): Absent[] =>
  nouns.map((noun) => ({ shape: new RegExp(`^/v1\\.0/${noun}(/[^/]+)*/?$`), feature }));
const exactly = (feature: string, ...paths: string[]): Absent[] =>
  paths.map((path) => ({
    shape: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/?$`),
    feature,
  }));

const absent: readonly Absent[] = [
  ...exactly(
    "recording",
    "/v1.0/conferences/{id}/recording_start",
    "/v1.0/conferences/{id}/recording_stop",
  ),
  ...exactly(
    "transcription",
    "/v1.0/conferences/{id}/transcribe_start",
    "/v1.0/conferences/{id}/transcribe_stop",
  ),
  ...exactly("media streams", "/v1.0/conferences/{id}/media_stream"),
  ...exactly("dial-in", "/v1.0/conferences/{id}/direct-hash-regenerate"),
  {
    shape: /^\/v1\.0\/conferencecalls\/?$/,
    feature: "joins of running calls",
    method: "POST",
  },
  ...exactly("sign-up", "/auth/signup", "/auth/unregister"),
  ...exactly("passwords by mail", "/auth/password-forgot", "/auth/password-reset"),
  ...exactly("direct and delegated tokens", "/auth/boot", "/auth/delegate"),
  ...under("recording", "recordings", "recordingfiles"),
  ...under("transcription", "transcribes", "transcripts"),
  ...under("files", "files", "storage_files", "storage_accounts"),
  ...under("telephone calls", "calls", "groupcalls", "aicalls", "speakings", "streamings"),
  ...under("telephone set-up", "numbers", "available_numbers", "extensions", "trunks", "providers"),
  ...under("telephone set-up", "routes", "outdials", "outplans", "campaigns", "campaigncalls"),
  ...under("flows", "flows", "activeflows", "actions"),
  ...under("webhooks", "webhooks", "webhook_deliveries"),
  ...under("conversations", "conversations", "conversation_accounts", "messages", "emails"),
  ...under("chats outside a conference", "chats", "chatrooms", "chatmessages", "chatroommessages"),
  ...under("chats outside a conference", "chatparticipants", "talks"),
  ...under("queues", "queues", "queuecalls", "service_agents", "tags"),
  ...under("billing", "billings", "billing_accounts"),
];

/** The feature that a request asks for, where this server lacks it; else null. `is_known`: whether the path has routes. */
export const featureNotBuilt = (method: string, path: string, is_known: boolean): string | null =>
  absent.find(
    (one) => one.shape.test(path) && (one.method === undefined ? !is_known : one.method === method),
  )?.feature ?? null;
