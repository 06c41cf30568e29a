// Public face of the talk noun: the chat of a conference.
export { Message, NewMessage, NewReaction, talk_limits } from "./record.ts";
export type { TalkConference, TalkPerson, TalkRoom } from "./room.ts";
export { createTalk, type Talk } from "./service.ts";
