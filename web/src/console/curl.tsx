// The call behind a view or a button, to copy into a terminal.
import { CopyButton } from "../look/copy-button.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { escaped } from "../text/bidi.ts";

/** Writes a curl call with the token in a variable, so that no secret is copied along. */
export function curlFor(method: string, path: string, body?: object): string {
  const lines = [
    `curl${method === "GET" ? "" : ` --request ${method}`} "${location.origin}${path}"`,
  ];
  lines.push(`--header "Authorization: Bearer $TOKEN"`);
  // A single quote inside would end the shell's text.
  if (body) lines.push(`--data-raw '${escaped(JSON.stringify(body)).replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n  ");
}

/** Shows a call. */
export function CallBlock({ text, label }: { readonly text: string; readonly label?: string }) {
  const { t } = useSurroundings();
  return (
    <figure className="call-block">
      {label !== undefined && <figcaption>{label}</figcaption>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} label={label === undefined ? t("copy") : `${t("copy")}: ${label}`} />
    </figure>
  );
}
