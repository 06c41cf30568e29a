// How an offer can fail. The details name the line (`mid` or its position) and what is wrong with it.
import { catalogue } from "../kernel/problem.ts";

/** Problems of offers and trickled fragments. */
export const problems = catalogue({
  SDP_MALFORMED: { status: "INVALID_ARGUMENT", title: "This is not a session description" },
  SDP_TOO_LARGE: {
    status: "INVALID_ARGUMENT",
    title: "The session description is too large",
    http: 413,
  },
  OFFER_UNSUPPORTED: {
    status: "INVALID_ARGUMENT",
    title: "This offer cannot be answered",
    http: 422,
  },
});
