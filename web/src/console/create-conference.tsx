// Creating a conference, with the call that does the same.
import type { Conference } from "@parley/client";
import { type FormEvent, useState } from "react";
import { Button, FieldError, Input, Label, Text, TextField } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { DialogBox } from "../look/dialog.tsx";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import type { Api } from "./api.ts";
import { CallBlock, curlFor } from "./curl.tsx";

/** The dialog for a new conference. */
export function CreateConference(props: {
  readonly api: Api;
  readonly onClose: () => void;
  readonly onCreated: (conference: Conference) => void;
}) {
  const { t } = useSurroundings();
  const [name, setName] = useState("");
  const [detail, setDetail] = useState("");
  const [type, setType] = useState<"conference" | "connect">("conference");
  const [timeout, setTimeoutText] = useState("0");
  const [is_busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const is_timeout_right = /^\d{1,9}$/.test(timeout.trim());
  const given = { type, name, detail, timeout: is_timeout_right ? Number(timeout) : 0 };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (is_busy || !is_timeout_right) return;
    setBusy(true);
    props.api.createConference(given).then(props.onCreated, (thrown: unknown) => {
      setFailure(thrown);
      setBusy(false);
    });
  };
  return (
    <DialogBox title={t("create_title")} onClose={props.onClose}>
      <form onSubmit={submit}>
        <TextField className="field" value={name} onChange={setName} autoFocus maxLength={1000}>
          <Label>{t("field_name")}</Label>
          <Input />
        </TextField>
        <TextField className="field" value={detail} onChange={setDetail} maxLength={10_000}>
          <Label>{t("field_detail")}</Label>
          <Input />
        </TextField>
        <Choice
          label={t("field_type")}
          value={type}
          options={[
            ["conference", t("type_conference")],
            ["connect", t("type_connect")],
          ]}
          hint={t("field_type_hint")}
          onChange={setType}
        />
        <TextField
          className="field"
          value={timeout}
          onChange={setTimeoutText}
          isInvalid={!is_timeout_right}
          inputMode="numeric"
        >
          <Label>{t("field_timeout")}</Label>
          <Input />
          <Text slot="description" className="hint">
            {t("field_timeout_hint")}
          </Text>
          <FieldError>{t("timeout_invalid")}</FieldError>
        </TextField>
        <CallBlock label={t("same_by_curl")} text={curlFor("POST", "/v1.0/conferences", given)} />
        {failure !== null && <ProblemNotice thrown={failure} />}
        <div className="row end">
          <Button className="button" onPress={props.onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" className={`button primary ${is_busy ? "is-busy" : ""}`}>
            {t("create")}
          </Button>
        </div>
      </form>
    </DialogBox>
  );
}
