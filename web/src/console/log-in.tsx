// The log-in.
import { type FormEvent, useState } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { logIn } from "./api.ts";
import type { LoggedOut } from "./use-login.ts";

/** Asks who is there. */
export function LogIn(props: {
  /** Why nobody is logged in. */
  readonly why: LoggedOut;
  readonly onLogin: (login: { readonly username: string; readonly token: string }) => void;
}) {
  const { t } = useSurroundings();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [is_busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (is_busy) return;
    setBusy(true);
    setFailure(null);
    logIn(username, password)
      .then(props.onLogin, (thrown: unknown) => setFailure(thrown))
      .finally(() => setBusy(false));
  };
  return (
    <main className="login">
      <form className="card" onSubmit={submit}>
        <h1>{t("login_title")}</h1>
        {props.why !== "at_first" && (
          <p className={props.why === "logged_out" ? "notice" : "notice warn"} role="status">
            {t(`login_is_${props.why}`)}
          </p>
        )}
        <TextField
          className="field"
          name="username"
          autoComplete="username"
          value={username}
          onChange={setUsername}
          isRequired
        >
          <Label>{t("username")}</Label>
          <Input />
        </TextField>
        <TextField
          className="field"
          name="password"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          isRequired
        >
          <Label>{t("password")}</Label>
          <Input />
        </TextField>
        <Button type="submit" className={`button primary ${is_busy ? "is-busy" : ""}`}>
          {is_busy ? t("logging_in") : t("login")}
        </Button>
        {failure !== null && <ProblemNotice thrown={failure} />}
        <p className="muted">{t("login_hint")}</p>
      </form>
    </main>
  );
}
