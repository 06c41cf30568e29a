// The text of a message, with its web addresses to click and nothing else made of it.

import { Name } from "../look/name.tsx";
import { splitLinks } from "./links.ts";

/** Shows a text as it was written. Links open apart and learn nothing about this page. */
export function MessageText({ text }: { readonly text: string }) {
  return (
    <p className="message-text" dir="auto">
      {splitLinks(text).map((piece, at) =>
        "href" in piece ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never move
          <a key={at} href={piece.href} target="_blank" rel="noopener noreferrer nofollow ugc">
            {/* An override in the text before must not disguise where a link leads. */}
            <Name of={piece.text} />
          </a>
        ) : (
          piece.text
        ),
      )}
    </p>
  );
}
