// The console: log-in, navigation, and the view that the address names.
import { type ReactNode, useEffect, useMemo, useSyncExternalStore } from "react";
import { Button } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { Icon, type IconName } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { isLanguage, languages } from "../text/index.ts";
import type { Api } from "./api.ts";
import { ConferenceDetail } from "./conference-detail.tsx";
import { ConferenceList } from "./conference-list.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { Keys } from "./keys.tsx";
import { LogIn } from "./log-in.tsx";
import { all_conferences, type Route, readRoute, writeRoute } from "./route.ts";
import { useLogin } from "./use-login.ts";

/** The whole console. */
export function ConsoleApp() {
  const { login, api, why, enter, leave } = useLogin();
  const route = useRoute();
  useTitle(login ? route : null);
  if (!login || !api) return <LogIn why={why} onLogin={enter} />;
  return (
    <div className="console">
      <Navigation route={route} username={login.username} onLogOut={leave} />
      <main className="content" id="content" tabIndex={-1}>
        <View route={route} api={api} />
      </main>
    </div>
  );
}

function View({ route, api }: { readonly route: Route; readonly api: Api }): ReactNode {
  switch (route.view) {
    case "conferences":
      return <ConferenceList api={api} route={route} />;
    case "conference":
      return <ConferenceDetail key={route.id} api={api} id={route.id} tab={route.tab} />;
    case "keys":
      return <Keys api={api} />;
    case "start":
      return <FirstSteps />;
  }
}

function Navigation(props: {
  readonly route: Route;
  readonly username: string;
  readonly onLogOut: () => void;
}) {
  const { t, language, theme, setLanguage, setTheme } = useSurroundings();
  const { view } = props.route;
  const entry = (route: Route, icon: IconName, name: string, is_here: boolean) => (
    <a
      className={is_here ? "is-here" : ""}
      href={writeRoute(route)}
      {...(is_here ? { "aria-current": "page" as const } : {})}
    >
      <Icon name={icon} />
      {name}
    </a>
  );
  return (
    <header className="nav">
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place on the page; the fragment is the console's own */}
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          // The fragment names the view here; the focus moves without it.
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        {t("skip_to_content")}
      </a>
      <p className="brand">Parley</p>
      <nav aria-label={t("nav_main")}>
        {entry(all_conferences, "people", t("nav_conferences"), view.startsWith("conference"))}
        {entry({ view: "keys" }, "key", t("nav_keys"), view === "keys")}
        {entry({ view: "start" }, "forward", t("nav_start"), view === "start")}
        <a href="/docs" target="_blank" rel="noopener">
          <Icon name="book" />
          {t("nav_docs")}
        </a>
      </nav>
      <div className="nav-foot">
        <Choice
          label={t("language")}
          value={language}
          options={Object.entries(languages).map(([code, { name }]) => [code, name] as const)}
          onChange={(code) => {
            if (isLanguage(code)) setLanguage(code);
          }}
        />
        <Choice
          label={t("theme")}
          value={theme}
          options={[
            ["system", t("theme_system")],
            ["light", t("theme_light")],
            ["dark", t("theme_dark")],
          ]}
          onChange={setTheme}
        />
        <Button className="button plain" onPress={props.onLogOut}>
          <Icon name="out" />
          <span>
            {t("logout")}
            <span className="nav-user">
              {" "}
              (<Name of={props.username} />)
            </span>
          </span>
        </Button>
      </div>
    </header>
  );
}

/** The view that the address names, followed as it changes. */
function useRoute(): Route {
  const hash = useSyncExternalStore(subscribeToHash, () => location.hash);
  const route = useMemo(() => readRoute(hash), [hash]);
  return route;
}

/** Names the window by its view, so that tabs and history can be told apart. A conference names it itself. */
function useTitle(route: Route | null): void {
  const { t } = useSurroundings();
  const view = route?.view ?? null;
  useEffect(() => {
    if (view === "conference") return;
    const name = view === null ? t("login") : t(`nav_${view}`);
    document.title = `${name} · Parley`;
  }, [view, t]);
}

function subscribeToHash(changed: () => void): () => void {
  globalThis.addEventListener("hashchange", changed);
  return () => globalThis.removeEventListener("hashchange", changed);
}
