import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { all_conferences, detail_tabs, type Route, readRoute, writeRoute } from "./route.ts";

test("every_view_survives_its_address", () => {
  const text = fc.string({ unit: "grapheme" });
  const route: fc.Arbitrary<Route> = fc.oneof(
    fc.record({
      ...{ view: fc.constant("conferences" as const), status: text, type: text, text },
      ...{ from: text, until: text },
    }),
    fc.record({
      view: fc.constant("conference" as const),
      id: fc.string({ unit: "grapheme", minLength: 1 }),
      tab: fc.constantFrom(...detail_tabs),
    }),
    fc.constant<Route>({ view: "keys" }),
    fc.constant<Route>({ view: "start" }),
  );
  fc.assert(
    fc.property(route, (given) => {
      assert.deepEqual({ ...readRoute(writeRoute(given)) }, { ...given });
    }),
  );
});

test("what_is_not_understood_leads_to_the_list", () => {
  for (const hash of ["", "#", "#/", "#/nothing", "#/conferences"])
    assert.deepEqual(readRoute(hash), all_conferences);
  assert.deepEqual(readRoute("#/conferences/%E0%A4%A/never"), {
    view: "conference",
    id: "%E0%A4%A",
    tab: "timeline",
  });
});
