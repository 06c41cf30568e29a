// The console's addresses: what is shown lives in the fragment, so that every view can be linked and reloaded.

/** Tabs of one conference. */
export const detail_tabs = ["timeline", "people", "events", "chat", "json"] as const;

/** One of {@link detail_tabs}. */
export type DetailTab = (typeof detail_tabs)[number];

/** A view of the console. */
export type Route =
  | {
      readonly view: "conferences";
      readonly status: string;
      readonly type: string;
      readonly text: string;
      readonly from: string;
      readonly until: string;
    }
  | { readonly view: "conference"; readonly id: string; readonly tab: DetailTab }
  | { readonly view: "keys" }
  | { readonly view: "start" };

/** The list without filters. */
export const all_conferences: Route = {
  ...{ view: "conferences", status: "", type: "", text: "" },
  ...{ from: "", until: "" },
};

/** Reads a fragment; what is not understood leads to the list. */
export function readRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first, id, tab] = path.split("/");
  if (first === "keys") return { view: "keys" };
  if (first === "start") return { view: "start" };
  if (first === "conferences" && id) {
    return {
      view: "conference",
      id: decode(id),
      tab: detail_tabs.find((known) => known === tab) ?? "timeline",
    };
  }
  const given = new URLSearchParams(query);
  return {
    view: "conferences",
    status: given.get("status") ?? "",
    type: given.get("type") ?? "",
    text: given.get("text") ?? "",
    from: given.get("from") ?? "",
    until: given.get("until") ?? "",
  };
}

/** Writes the fragment of a view. */
export function writeRoute(route: Route): string {
  switch (route.view) {
    case "keys":
      return "#/keys";
    case "start":
      return "#/start";
    case "conference": {
      const path = `#/conferences/${encodeURIComponent(route.id)}`;
      return route.tab === "timeline" ? path : `${path}/${route.tab}`;
    }
    case "conferences": {
      const { status, type, text, from, until } = route;
      const given = Object.entries({ status, type, text, from, until }).filter(
        ([, value]) => value !== "",
      );
      return given.length === 0 ? "#/conferences" : `#/conferences?${new URLSearchParams(given)}`;
    }
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A broken escape names nothing; the server will say that it is not found.
    return text;
  }
}
