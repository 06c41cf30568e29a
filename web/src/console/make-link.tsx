// Making a link for one person.
import { type FormEvent, useState } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { CopyButton } from "../look/copy-button.tsx";
import { DialogBox } from "../look/dialog.tsx";
import { Icon } from "../look/icon.tsx";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import type { Api, JoinLink } from "./api.ts";
import { CallBlock, curlFor } from "./curl.tsx";

const lifetimes_s = { hour: 3_600, day: 86_400, week: 604_800 };

/** The dialog for a link. */
export function MakeLink(props: {
  readonly api: Api;
  readonly conference_id: string;
  readonly onClose: () => void;
}) {
  const { t } = useSurroundings();
  const [name, setName] = useState("");
  const [role, setRole] = useState<"host" | "member" | "listener">("member");
  const [life, setLife] = useState<keyof typeof lifetimes_s>("day");
  const [link, setLink] = useState<JoinLink | null>(null);
  const [is_busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const given = { name: name.trim(), role, expires_in: lifetimes_s[life] };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (is_busy) return;
    setBusy(true);
    setFailure(null);
    props.api
      .createLink(props.conference_id, given)
      .then(setLink, (thrown: unknown) => setFailure(thrown))
      .finally(() => setBusy(false));
  };
  if (link) {
    return (
      <DialogBox
        title={t("link_done", { name: given.name || t("somebody") })}
        onClose={props.onClose}
      >
        <p>{t("link_secret")}</p>
        <input
          className="input mono"
          readOnly
          value={link.url}
          aria-label={t("link_done", { name: given.name || t("somebody") })}
        />
        <div className="row end">
          <Button className="button" onPress={() => setLink(null)}>
            {t("link_another")}
          </Button>
          <a className="button" href={link.url} target="_blank" rel="noopener">
            <Icon name="out" />
            {t("link_open")}
          </a>
          <CopyButton
            text={link.url}
            label={t("copy")}
            caption={t("copy")}
            className="button primary"
            has_focus
          />
        </div>
      </DialogBox>
    );
  }
  return (
    <DialogBox title={t("link_title")} onClose={props.onClose}>
      <form onSubmit={submit}>
        <TextField className="field" value={name} onChange={setName} autoFocus maxLength={100}>
          <Label>{t("field_name")}</Label>
          <Input />
        </TextField>
        <Choice
          label={t("link_role")}
          value={role}
          options={[
            ["host", t("role_host")],
            ["member", t("role_member")],
            ["listener", t("role_listener")],
          ]}
          hint={t("link_role_hint")}
          onChange={setRole}
        />
        <Choice
          label={t("link_expires")}
          value={life}
          options={[
            ["hour", t("link_hour")],
            ["day", t("link_day")],
            ["week", t("link_week")],
          ]}
          onChange={setLife}
        />
        <CallBlock
          label={t("same_by_curl")}
          text={curlFor("POST", `/v1.0/conferences/${props.conference_id}/join_tokens`, given)}
        />
        {failure !== null && <ProblemNotice thrown={failure} />}
        <div className="row end">
          <Button className="button" onPress={props.onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" className={`button primary ${is_busy ? "is-busy" : ""}`}>
            {t("link_create")}
          </Button>
        </div>
      </form>
    </DialogBox>
  );
}
