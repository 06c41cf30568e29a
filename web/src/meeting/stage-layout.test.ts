import assert from "node:assert/strict";
import { test } from "node:test";
import { type Area, type Box, fitTiles, planStage, stage_limits } from "./stage-layout.ts";

const laptop: Area = { width: 1240, height: 650 };
const phone: Area = { width: 374, height: 690 };
const zoomed: Area = { width: 600, height: 270 };
const areas = { laptop, phone, zoomed, panel: { width: 880, height: 650 } };
const slack = 0.5;

const overlap = (one: Box, other: Box): boolean =>
  one.start + slack < other.start + other.width &&
  other.start + slack < one.start + one.width &&
  one.top + slack < other.top + other.height &&
  other.top + slack < one.top + one.height;

const inside = ({ start, top, width, height }: Box, area: Area): boolean =>
  start >= -slack &&
  top >= -slack &&
  start + width <= area.width + slack &&
  top + height <= area.height + slack;

test("every_number_of_people_fits_on_every_stage_without_overlap", () => {
  for (const [name, area] of Object.entries(areas)) {
    for (const has_large of [false, true]) {
      for (let count = 0; count <= 40; count += 1) {
        const { tiles, large, per_page } = planStage(area, count, has_large);
        const what = `${count} people on ${name}, large ${has_large}`;
        assert.equal(tiles.length, Math.min(count, per_page), what);
        const all = large ? [large, ...tiles] : [...tiles];
        for (const [at, box] of all.entries()) {
          assert.ok(inside(box, area), `${what}: ${JSON.stringify(box)} is outside`);
          for (const other of all.slice(at + 1)) assert.ok(!overlap(box, other), what);
        }
      }
    }
  }
});

test("all_tiles_of_a_page_have_one_size_and_a_shape_that_faces_fit", () => {
  for (const area of Object.values(areas)) {
    for (let count = 1; count <= 25; count += 1) {
      const { tiles } = planStage(area, count, false);
      const [first] = tiles;
      assert.ok(first);
      for (const { width, height } of tiles) {
        assert.equal(width, first.width);
        assert.equal(height, first.height);
        const ratio = width / height;
        assert.ok(ratio <= stage_limits.ratio_max + 0.001, `${count}: ${ratio}`);
        assert.ok(ratio >= stage_limits.ratio_min_tall - 0.001, `${count}: ${ratio}`);
      }
    }
  }
});

test("a_laptop_shows_25_people_on_one_page_and_goes_on_with_a_second", () => {
  assert.equal(planStage(laptop, 25, false).tiles.length, 25);
  assert.equal(planStage(laptop, 26, false).tiles.length, 25);
  assert.equal(planStage(laptop, 26, false).per_page, 25);
});

test("no_tile_is_narrower_than_a_face_needs", () => {
  const { tiles, per_page } = planStage(phone, 25, false);
  assert.ok(per_page >= 6, `a phone shows ${per_page}`);
  for (const { width } of tiles) assert.ok(width >= stage_limits.tile_width_min);
});

test("tiles_are_as_large_as_columns_allow", () => {
  // No other number of columns gives larger tiles.
  for (let count = 1; count <= 25; count += 1) {
    const best = fitTiles(laptop, count);
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const width = (laptop.width - stage_limits.gap * (columns - 1)) / columns;
      const height = (laptop.height - stage_limits.gap * (rows - 1)) / rows;
      const ratio = Math.min(
        stage_limits.ratio_max,
        Math.max(stage_limits.ratio_min_wide, width / height),
      );
      const fitted = Math.min(width, height * ratio);
      assert.ok((fitted * fitted) / ratio <= best.width * best.height * 1.002, `${count}`);
    }
  }
});

test("a_shared_screen_gets_most_of_the_stage", () => {
  for (const area of Object.values(areas)) {
    const { large } = planStage(area, 6, true);
    assert.ok(large);
    assert.ok(large.width * large.height > 0.45 * area.width * area.height);
  }
});

test("three_people_beside_a_screen_need_no_second_page_on_any_stage", () => {
  const on_its_side: Area = { width: 796, height: 206 };
  for (const [name, area] of Object.entries({ ...areas, on_its_side })) {
    assert.equal(planStage(area, 3, true).tiles.length, 3, name);
  }
});

test("under_a_screen_a_tall_stage_shows_people_in_a_grid", () => {
  const { tiles, large } = planStage(phone, 12, true);
  assert.equal(tiles.length, 12);
  for (const { top } of tiles) assert.ok(large && top >= large.top + large.height);
});

test("a_screen_without_anybody_beside_it_takes_the_whole_stage", () => {
  assert.deepEqual(planStage(laptop, 0, true).large, { start: 0, top: 0, ...laptop });
});

test("a_stage_without_size_has_no_tiles", () => {
  assert.deepEqual(planStage({ width: 0, height: 0 }, 3, false).tiles, []);
});
