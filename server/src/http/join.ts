// The HTTP resource of a join: POST makes it, PATCH trickles or restarts ICE (RFC 9725). DELETE is the kick.
import { type Static, Type } from "typebox";
import type {
  JoinReply,
  JoinRequest,
  Joins,
  PublishRequest,
  Showing,
} from "../domain/conference/index.ts";
import { Conferencecall } from "../domain/conferencecall/index.ts";
import type { Caller } from "../domain/customer/index.ts";
import type { ConferencecallId, ConferenceId } from "../kernel/id.ts";
import { problems } from "../kernel/problem.ts";
import type { Rate } from "./rate.ts";
import { Answer, type AnyRoute, route } from "./route.ts";

const sdp_type = "application/sdp";
const fragment_type = "application/trickle-ice-sdpfrag";
// Characters of a name, a label; bytes of an offer are the SDP port's own limit.
const text_length_max = 255;
const offer_length_max = 256 * 1024;
const lines_max = 256;

const ResumeLine = Type.Object(
  {
    mid: Type.String({ minLength: 1, maxLength: 32 }),
    rid: Type.Optional(Type.String({ minLength: 1, maxLength: 16 })),
    ssrc: Type.Integer({ minimum: 1, maximum: 4_294_967_295 }),
    rtx_ssrc: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_295 })),
  },
  { title: "ResumeLine", description: "The SSRCs that a line sends with." },
);

/** Body of a join in its JSON form. */
export const JoinInput = Type.Object(
  {
    offer: Type.String({
      minLength: 1,
      maxLength: offer_length_max,
      description: "The SDP offer. Every line says what the client can send or render.",
    }),
    name: Type.Optional(
      Type.String({ maxLength: text_length_max, description: "The name others see." }),
    ),
    label: Type.Optional(
      Type.String({
        maxLength: text_length_max,
        description: "Your own mark, where the join token has none.",
      }),
    ),
    metadata: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: "Your own data; that of the join token wins.",
      }),
    ),
    audio: Type.Optional(
      Type.Enum(["voices", "mix"], {
        description:
          "How several receiving audio lines are filled: a voice each, or the mix on the first. One line always carries the mix.",
      }),
    ),
    muted: Type.Optional(Type.Boolean({ description: "The microphone starts off." })),
    camera: Type.Optional(Type.Boolean({ description: "The camera is live from the start." })),
    screen: Type.Optional(Type.Boolean({ description: "The screen is live from the start." })),
    resume: Type.Optional(
      Type.Object(
        {
          conferencecall_id: Type.String({ format: "uuid" }),
          resume_key: Type.String({ minLength: 1, maxLength: 128 }),
          lines: Type.Optional(
            Type.Array(ResumeLine, {
              maxItems: lines_max,
              description: "SSRCs of a living connection, which no longer sends mid and rid.",
            }),
          ),
        },
        {
          title: "Resume",
          description: "Takes up an earlier join after the server or its media worker was lost.",
        },
      ),
    ),
  },
  { title: "Join", description: "An SDP offer and wishes." },
);

/** Answer to a join in its JSON form. */
export const JoinOutput = Type.Object(
  {
    conferencecall: Conferencecall,
    answer: Type.String({ description: "The SDP answer." }),
    resume_key: Type.String({ description: "A secret: lets this join be resumed." }),
    lines: Type.Array(
      Type.Object(
        {
          mid: Type.String(),
          role: Type.String({
            description:
              "`microphone` `camera` `screen` `voice` `mix` `tile` `active_speaker` `rejected`; a line that sends and receives has two, joined by +.",
          }),
        },
        { title: "JoinedLine", description: "What a line of the offer is used for." },
      ),
      { description: "What became of each line of the offer." },
    ),
  },
  { title: "Joined", description: "The SDP answer and who one is now." },
);

/** Body of a change: what of a join is live. */
const ChangeInput = Type.Object(
  {
    muted: Type.Optional(Type.Boolean({ description: "Whether the microphone is off." })),
    microphone: Type.Optional(
      Type.Boolean({ description: "The other word for `muted`: whether the microphone is live." }),
    ),
    camera: Type.Optional(Type.Boolean({ description: "Whether the camera is live." })),
    screen: Type.Optional(Type.Boolean({ description: "Whether the screen is live." })),
  },
  { title: "ConferencecallChange", description: "What of a join is live; one at least." },
);

const ConferenceParams = Type.Object({ id: Type.String({ format: "uuid" }) });

/** The routes of joining. `rate` limits joins per token. */
export function joinRoutes(ports: {
  joins: Joins;
  showing: Pick<Showing, "change">;
  rate: Rate;
}): AnyRoute[] {
  const { joins } = ports;
  return [
    route({
      method: "POST",
      path: "/v1.0/conferences/{id}/conferencecalls",
      operation: "joinConference",
      auth: "any",
      tag: "Joining",
      summary: "Join a conference with one request",
      description:
        "Send the SDP offer as `application/sdp` (WHIP, WHEP: RFC 9725) and get the answer, or send JSON with more wishes. The answer is complete: media flows as soon as it is set. `PATCH` at `Location` restarts ICE, `DELETE` leaves. Where the token came as `?token=`, without an `Authorization` header, `Location` carries a `resume_key` of this one join, so that both work for clients that cannot send headers.",
      params: ConferenceParams,
      body: JoinInput,
      texts: [sdp_type],
      made_takes: ["PATCH", "DELETE"],
      replies: {
        201: {
          description:
            "The answer: SDP to SDP, JSON to JSON. `Location` names the join, `ETag` its ICE session.",
          schema: JoinOutput,
          texts: [sdp_type],
          headers: {
            Location: "The join: PATCH restarts ICE, DELETE leaves.",
            ETag: "Of its ICE session.",
          },
        },
      },
      problems: [
        "CONFERENCE_NOT_FOUND",
        "CONFERENCECALL_NOT_FOUND",
        "CONFERENCE_FULL",
        "JOIN_TOKEN_IN_USE",
        "STATE_INVALID",
        "SDP_MALFORMED",
        "SDP_TOO_LARGE",
        "OFFER_UNSUPPORTED",
        "MEDIA_UNAVAILABLE",
      ],
      async run({ caller, by_query, params, body, text, sealed }) {
        requireRate(ports.rate, caller);
        const request = text ? { offer: text.body } : readRequest(body);
        const answer = (reply: JoinReply) => ({
          status: 201,
          headers: {
            Location: locationOf(reply, by_query),
            ETag: reply.etag,
          },
          ...(text ? { body: reply.answer, content_type: sdp_type } : { body: showReply(reply) }),
        });
        const reply = await joins.join(
          caller,
          params.id as ConferenceId,
          request,
          sealed &&
            ((tx, made) => {
              const { body, ...given } = answer(made);
              return sealed(tx, body, given);
            }),
        );
        return new Answer(answer(reply));
      },
      async renew({ params, body, text }, kept) {
        const request = text ? { offer: text.body } : readRequest(body);
        const id = /conferencecalls\/([^?]+)/.exec(kept.headers["Location"] ?? "")?.[1];
        if (request.resume || id === undefined) return null;
        const made = await joins.renew(params.id as ConferenceId, id as ConferencecallId, request);
        if (made === null) return null;
        const { resume_key } = kept.body as { resume_key: string };
        const fresh = text ? made.answer : showReply({ ...made, resume_key });
        return new Answer({ ...kept, headers: { ...kept.headers, ETag: made.etag }, body: fresh });
      },
    }),
    route({
      method: "PATCH",
      path: "/v1.0/conferencecalls/{id}",
      operation: "updateConferencecall",
      auth: "any",
      by_resume_key: true,
      tag: "Joining",
      summary: "Mute, unmute, trickle ICE candidates, or restart ICE",
      description:
        "JSON says what is live, for who has no live socket: by the token that made the join, or the customer; a host mutes the microphone of others. A fragment (`application/trickle-ice-sdpfrag`, RFC 8840). With `If-Match` of the current `ETag`: candidates. With new `ice-ufrag` and `ice-pwd`: ICE restarts, and the answer carries our new ones and a new `ETag`.",
      params: ConferenceParams,
      body: ChangeInput,
      texts: [fragment_type],
      replies: {
        200: {
          description:
            "To JSON, the conferencecall. To a fragment that restarts ICE, a fragment with our credentials and candidates.",
          schema: Conferencecall,
          texts: [fragment_type],
        },
        204: { description: "Candidates were taken." },
      },
      problems: [
        "CONFERENCECALL_NOT_FOUND",
        "PRECONDITION_REQUIRED",
        "PRECONDITION_FAILED",
        "SDP_MALFORMED",
        "SDP_TOO_LARGE",
      ],
      async run({ caller, params, body, text, headers }) {
        if (!text) {
          return ports.showing.change(caller, params.id as ConferencecallId, readChange(body));
        }
        const { etag, fragment } = await joins.trickle(
          caller,
          params.id as ConferencecallId,
          text.body,
          // Clients of the drafts before RFC 9725 send the tag under its own name.
          headers["if-match"] ?? headers.etag ?? null,
        );
        const given = { headers: { ETag: etag } };
        return fragment === null
          ? new Answer({ ...given, status: 204 })
          : new Answer({ ...given, body: fragment, content_type: fragment_type });
      },
    }),
  ];
}

// Who can send no header gets the key of the join with its address: the token itself never stands in an answer.
const locationOf = ({ conferencecall, resume_key }: JoinReply, by_query: boolean): string => {
  const path = `/v1.0/conferencecalls/${conferencecall.id}`;
  return by_query ? `${path}?${new URLSearchParams({ resume_key })}` : path;
};

function requireRate(rate: Rate, caller: Caller): void {
  const key = caller.type === "participant" ? caller.jti : caller.id;
  const retry_after_s = rate.take(key);
  if (retry_after_s === 0) return;
  throw problems.RATE_LIMIT_EXCEEDED({
    message: "too many joins with this token",
    retry_after_s,
    details: [{ limited_by: "token", limit: "join_rate" }],
  });
}

// The JSON form says what is live; without a word a shared screen is not (docs/design/join.md).
const readRequest = (body: Static<typeof JoinInput>): JoinRequest => ({
  ...(body as JoinRequest),
  screen: body.screen ?? false,
});

function readChange({
  muted,
  microphone = muted === undefined ? undefined : !muted,
  camera,
  screen,
}: Static<typeof ChangeInput>): PublishRequest {
  const change = {
    ...(microphone === undefined ? {} : { microphone }),
    ...(camera === undefined ? {} : { camera }),
    ...(screen === undefined ? {} : { screen }),
  };
  if (Object.keys(change).length === 0) {
    throw problems.INVALID_ARGUMENT({
      message: "say what to change: muted, camera or screen",
      details: [{ field: "muted" }],
    });
  }
  if (muted !== undefined && microphone === muted) {
    throw problems.INVALID_ARGUMENT({
      message: "muted and microphone say the opposite of each other",
      details: [{ field: "microphone" }],
    });
  }
  return change;
}

const showReply = (reply: JoinReply): Static<typeof JoinOutput> => ({
  conferencecall: reply.conferencecall,
  answer: reply.answer,
  resume_key: reply.resume_key,
  lines: reply.lines.map(({ mid, role }) => ({ mid, role })),
});
