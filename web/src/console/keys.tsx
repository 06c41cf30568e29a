// Access keys: the passwords of programs.
import { type FormEvent, useCallback, useEffect, useState } from "react";
import { Button, FieldError, Input, Label, TextField } from "react-aria-components";
import { CopyButton } from "../look/copy-button.tsx";
import { ConfirmBox, DialogBox } from "../look/dialog.tsx";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { readTime } from "../look/people.ts";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import type { Accesskey, Api } from "./api.ts";
import { TableBox } from "./table-box.tsx";

const day_s = 86_400;
const days_max = 3_650;

/** The list of access keys. */
export function Keys({ api }: { readonly api: Api }) {
  const { t, moment } = useSurroundings();
  const [keys, setKeys] = useState<readonly Accesskey[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [is_creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Accesskey | null>(null);
  const load = useCallback(() => {
    api.accesskeys().then(
      ({ result }) => {
        setKeys(result);
        setFailure(null);
      },
      (thrown: unknown) => setFailure(thrown),
    );
  }, [api]);
  useEffect(load, [load]);
  return (
    <>
      <div className="head">
        <h1>{t("keys")}</h1>
        <span className="grow" />
        <Button className="button primary" onPress={() => setCreating(true)}>
          <Icon name="plus" />
          {t("key_new")}
        </Button>
      </div>
      <p className="lead">{t("keys_text")}</p>
      {failure !== null && <ProblemNotice thrown={failure} />}
      {keys === null && failure === null && <p className="muted">{t("loading")}</p>}
      {keys?.length === 0 && (
        <div className="empty">
          <h2>{t("keys_none")}</h2>
          <p className="muted">{t("keys_none_text")}</p>
        </div>
      )}
      {keys !== null && keys.length > 0 && (
        <TableBox label={t("keys")}>
          <thead>
            <tr>
              <th scope="col">{t("column_name")}</th>
              <th scope="col">{t("key_prefix")}</th>
              <th scope="col">{t("column_created")}</th>
              <th scope="col">{t("key_until")}</th>
              <th scope="col" className="actions">
                {t("column_actions")}
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map((key) => {
              const [created, until] = [readTime(key.tm_create), readTime(key.tm_expire)];
              const name = key.name || t("key_unnamed");
              return (
                <tr key={key.id}>
                  <th scope="row">
                    <Name of={name} />
                  </th>
                  <td>
                    <code>{key.token_prefix}…</code>
                  </td>
                  <td className="muted">{created && moment(created)}</td>
                  <td className="muted">{until && moment(until)}</td>
                  <td className="actions">
                    <Button
                      className="button small danger"
                      aria-label={t("key_delete_named", { name })}
                      onPress={() => setDeleting(key)}
                    >
                      <Icon name="trash" />
                      {t("key_delete")}
                    </Button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </TableBox>
      )}
      {is_creating && (
        <CreateKey
          api={api}
          onClose={() => {
            setCreating(false);
            load();
          }}
        />
      )}
      {deleting && (
        <ConfirmBox
          question={t("key_delete_question", { name: deleting.name || t("key_unnamed") })}
          consequence={t("key_delete_consequence")}
          confirm={t("key_delete")}
          onClose={() => setDeleting(null)}
          onConfirm={() => {
            setDeleting(null);
            api.deleteAccesskey(deleting.id).then(load, (thrown: unknown) => setFailure(thrown));
          }}
        />
      )}
    </>
  );
}

function CreateKey({ api, onClose }: { readonly api: Api; readonly onClose: () => void }) {
  const { t } = useSurroundings();
  const [name, setName] = useState("");
  const [days, setDays] = useState("365");
  const [created, setCreated] = useState<Accesskey | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [is_busy, setBusy] = useState(false);
  const is_right = /^\d{1,4}$/.test(days.trim()) && Number(days) >= 1 && Number(days) <= days_max;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (is_busy || !is_right) return;
    setBusy(true);
    api
      .createAccesskey({ name: name.trim(), expire: Number(days) * day_s })
      .then(setCreated, (thrown: unknown) => setFailure(thrown))
      .finally(() => setBusy(false));
  };
  if (created?.token !== undefined) {
    return (
      <DialogBox title={t("key_created")} onClose={onClose}>
        <p>{t("key_once")}</p>
        <input
          className="input mono"
          readOnly
          value={created.token}
          aria-label={t("key_created")}
        />
        <div className="row end">
          <CopyButton
            text={created.token}
            label={t("copy")}
            caption={t("copy")}
            className="button primary"
          />
        </div>
      </DialogBox>
    );
  }
  return (
    <DialogBox title={t("key_new")} onClose={onClose}>
      <form onSubmit={submit}>
        <TextField className="field" value={name} onChange={setName} autoFocus maxLength={1000}>
          <Label>{t("field_name")}</Label>
          <Input />
        </TextField>
        <TextField
          className="field"
          value={days}
          onChange={setDays}
          isInvalid={!is_right}
          inputMode="numeric"
        >
          <Label>{t("key_expires")}</Label>
          <Input />
          <FieldError>{t("key_expires_invalid")}</FieldError>
        </TextField>
        {failure !== null && <ProblemNotice thrown={failure} />}
        <div className="row end">
          <Button className="button" onPress={onClose}>
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
