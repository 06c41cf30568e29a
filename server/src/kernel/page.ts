// Lists: page size and page token as conference.md section 9 resolves them.
import type { Instant } from "./clock.ts";
import { problems } from "./problem.ts";
import { readTimestamp, writeTimestamp } from "./wire.ts";

/** Items on a page when the caller names no size, and at most. */
export const page_size_max = 100;

/** What a list query asks for: the newest `size` rows created strictly before `before`. */
export interface PageQuery {
  readonly size: number;
  readonly before: Instant | null;
}

/** One page, newest first. */
export interface Page<T> {
  readonly result: readonly T[];
  /** "" when nothing follows. */
  readonly next_page_token: string;
}

/** Reads `page_size` and `page_token`. Sizes are clamped to 1..100. Errors: INVALID_REQUEST_PARAMETER. */
export function readPageQuery(query: {
  page_size?: string | number;
  page_token?: string;
}): PageQuery {
  let size = page_size_max;
  if (query.page_size !== undefined && query.page_size !== "") {
    const asked = Number(query.page_size);
    if (!Number.isInteger(asked)) {
      throw problems.INVALID_REQUEST_PARAMETER({
        message: "page_size is not an integer",
        details: [{ field: "page_size" }],
      });
    }
    size = Math.min(Math.max(asked, 1), page_size_max);
  }
  if (!query.page_token) return { size, before: null };
  const before = readTimestamp(query.page_token);
  if (before === null) {
    throw problems.INVALID_REQUEST_PARAMETER({
      message: "page_token is neither a timestamp of ours nor RFC 3339",
      details: [{ field: "page_token" }],
    });
  }
  return { size, before };
}

/** Cuts `rows` (read with one row more than the page holds) into a page. `tm_create` must be unique among the caller's rows. `is_cut`: rows were left out, since those here fill a page by their bytes. */
export function cutPage<Row extends { tm_create: Instant }, T>(
  rows: readonly Row[],
  query: PageQuery,
  show: (row: Row) => T,
  is_cut = false,
): Page<T> {
  const shown = rows.slice(0, query.size);
  const last = shown.at(-1);
  const has_more = is_cut || rows.length > query.size;
  return {
    result: shown.map(show),
    next_page_token: has_more && last ? writeTimestamp(last.tm_create) : "",
  };
}
