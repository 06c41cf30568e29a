// Who is logged in, in this tab and in the others: what one tab does, all follow.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { onPreference, readPreference, writePreference } from "../look/preferences.ts";
import { openTabs, type Tabs } from "../look/tabs.ts";
import { type Api, createApi, logOut } from "./api.ts";
import { all_conferences, writeRoute } from "./route.ts";

/** A log-in. */
export interface Login {
  readonly username: string;
  readonly token: string;
}

/** Why nobody is logged in: nobody was, the server no longer accepts it, or somebody logged out and the server did (not) hear of it. */
export type LoggedOut = "at_first" | "expired" | "logged_out" | "unheard";

/** The log-in of this browser. */
export interface LoginState {
  readonly login: Login | null;
  readonly api: Api | null;
  readonly why: LoggedOut;
  enter(login: Login): void;
  /** Ends it here, in the other tabs and on the server. */
  leave(): void;
}

type Word = { readonly type: "left"; readonly token: string } | { readonly type: "entered" };

/** Keeps the log-in. */
export function useLogin(): LoginState {
  const [login, setLogin] = useState<Login | null>(readLogin);
  const [why, setWhy] = useState<LoggedOut>("at_first");
  const latest = useRef(login);
  latest.current = login;
  const tabs = useRef<Tabs<Word> | null>(null);

  /** Ends the log-in with this token; one that was made meanwhile stays. */
  const end = useCallback((token: string, reason: LoggedOut): void => {
    if (readLogin()?.token === token) writePreference("login", null);
    if (latest.current?.token !== token) return;
    setWhy(reason);
    setLogin(null);
  }, []);
  useEffect(() => {
    // Another tab logged in, out, or in as somebody else.
    const follow = (): void => {
      const kept = readLogin();
      if (kept?.token === latest.current?.token) return;
      if (!kept) setWhy((before) => (latest.current ? "logged_out" : before));
      setLogin(kept);
    };
    const stop = onPreference("login", follow);
    tabs.current = openTabs<Word>("login", (word) => {
      if (word.type === "left") end(word.token, "logged_out");
      else follow();
    });
    return () => {
      stop();
      tabs.current?.close();
    };
  }, [end]);

  const token = login?.token ?? null;
  const api = useMemo(
    () => (token === null ? null : createApi(token, () => end(token, "expired"))),
    [token, end],
  );
  return {
    login,
    api,
    why,
    enter(given) {
      writePreference("login", JSON.stringify(given));
      setLogin(given);
      tabs.current?.tell({ type: "entered" });
    },
    leave() {
      if (token === null) return;
      // Whoever logs in next begins at the beginning; after a log-in that only ran out one goes on where one was.
      location.replace(writeRoute(all_conferences));
      end(token, "logged_out");
      tabs.current?.tell({ type: "left", token });
      logOut(token).catch(() => {
        // The page has forgotten the log-in; that the server has not is for its owner to know.
        if (latest.current === null) setWhy("unheard");
      });
    },
  };
}

function readLogin(): Login | null {
  const kept = readPreference("login");
  if (kept === null) return null;
  try {
    const { username, token } = JSON.parse(kept) as Partial<Login>;
    return typeof username === "string" && typeof token === "string" ? { username, token } : null;
  } catch {
    // Somebody else wrote there; logging in again mends it.
    return null;
  }
}
