// A name, title or other text of people inside a page: one piece, whatever script it is in.
import { contained } from "../text/bidi.ts";

/** Shows `of` isolated from its neighbours. */
export function Name({ of }: { readonly of: string }) {
  return <bdi>{contained(of)}</bdi>;
}
