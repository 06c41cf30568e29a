// The tutorial: the calls that everything here is made of.
import { useSurroundings } from "../look/surroundings.tsx";
import type { TextKey } from "../text/index.ts";
import { CallBlock, curlFor } from "./curl.tsx";

/** The calls, in the order in which one tries them. */
export function FirstSteps() {
  const { t } = useSurroundings();
  const here = "/v1.0/conferences";
  const steps: readonly (readonly [TextKey, string])[] = [
    [
      "start_login",
      `curl "${location.origin}/auth/login" \\\n  --data-raw '{"username":"admin","password":"…"}'\n\nTOKEN=…   # ${t("start_token_hint")}`,
    ],
    [
      "start_create",
      curlFor("POST", here, {
        type: "conference",
        name: "test conference",
        detail: "test conference for example",
      }),
    ],
    [
      "start_list",
      `${curlFor("GET", here)}\n\nID=…   # ${t("start_id_hint")}\n\n${curlFor("GET", `${here}/$ID`)}`,
    ],
    ["start_link", curlFor("POST", `${here}/$ID/join_tokens`, { name: "Ada", role: "host" })],
    [
      "start_kick",
      `${curlFor("GET", "/v1.0/conferencecalls?conference_id=$ID")}\n\n${curlFor("DELETE", "/v1.0/conferencecalls/…")}`,
    ],
    ["start_events", curlFor("GET", `${here}/$ID/events?after=0`)],
  ];
  return (
    <>
      <div className="head">
        <h1>{t("start_title")}</h1>
      </div>
      <p className="lead">{t("start_text")}</p>
      <ol className="steps">
        {steps.map(([key, text]) => (
          <li key={key}>
            <h2>{t(key)}</h2>
            <CallBlock text={text} />
          </li>
        ))}
      </ol>
    </>
  );
}
