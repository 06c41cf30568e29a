// Lists as every route shows them.
import { type TSchema, Type } from "typebox";
import type { PageQuery } from "../kernel/page.ts";
import { readPageQuery } from "../kernel/page.ts";

/** Members of every list's query. */
export const page_query = {
  page_size: Type.Optional(
    Type.Integer({
      description:
        "Items on a page, 1 to 100; others are clamped. 100 when left out. A page of very large items ends sooner.",
    }),
  ),
  page_token: Type.Optional(
    Type.String({
      description: "`next_page_token` of the page before: older items than this time.",
      examples: ["2021-02-03 09:33:58.077756"],
    }),
  ),
};

/** The schema of a list. */
export const pageOf = (item: TSchema & { readonly title?: string }) =>
  Type.Object(
    {
      result: Type.Array(item),
      next_page_token: Type.String({ description: "Empty when nothing follows." }),
    },
    { title: `${item.title ?? ""}Page`, description: "A page of a list, newest first." },
  );

/** Reads what {@link page_query} describes. Errors: INVALID_REQUEST_PARAMETER. */
export const pageFrom = (query: { page_size?: number; page_token?: string }): PageQuery =>
  readPageQuery(query);
