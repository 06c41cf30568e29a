import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Problem } from "../kernel/problem.ts";
import { readJson, readText } from "./json-body.ts";

const reasonOf = (text: string): string => {
  try {
    readJson(text);
  } catch (thrown) {
    assert.ok(thrown instanceof Problem);
    return thrown.message;
  }
  return "";
};

test("json_of_any_shape_is_read_as_json_parse_reads_it", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      const expected = JSON.parse(text);
      const hidden = /"(__proto__|constructor|prototype)"\s*:/.test(text);
      if (hidden || !text.isWellFormed() || /\\u0000|\\ud[89a-f]/i.test(text)) return;
      assert.deepEqual(readJson(text), expected);
    }),
  );
});

test("any_text_is_read_or_refused_with_a_problem_and_nothing_else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      reasonOf(text);
    }),
  );
});

test("a_member_that_stands_twice_is_found_at_every_depth_and_behind_escapes", () => {
  assert.match(reasonOf('{"a":1,"a":2}'), /twice/);
  assert.match(reasonOf('[{"a":{"b":[],"b":1}}]'), /twice/);
  assert.match(reasonOf('{"\\u0061":1,"a":2}'), /twice/);
  assert.equal(reasonOf('{"a":{"a":1},"b":["a","a",{"a":"a"}]}'), "");
  assert.equal(reasonOf('{"a":"\\"a\\":1,","b":"\\\\"}'), "");
});

test("depth_counts_lists_and_objects_and_stops_at_the_limit", () => {
  assert.equal(reasonOf("[".repeat(32) + "]".repeat(32)), "");
  assert.match(reasonOf("[".repeat(33) + "]".repeat(33)), /nested deeper than 32/);
});

test("the_place_of_a_fault_is_told_without_quoting_the_body", () => {
  const long = reasonOf(`{"password":"secret",\n"text":"${"x".repeat(100)}",\n"y":1,,}`);
  assert.match(long, /character \d+, line 3/);
  const short = reasonOf('{"password":"secret",\n"x":}');
  assert.match(short, /not JSON/);
  assert.match(reasonOf('{"password":"secret"'), /ends too early|not JSON/);
  assert.ok(!(long + short).includes("secret"));
});

test("a_body_of_the_largest_size_is_scanned_in_linear_time", () => {
  const text = JSON.stringify({ text: '\\"'.repeat(60_000) });
  const began = performance.now();
  readJson(text);
  assert.ok(performance.now() - began < 500);
});

test("bytes_that_are_no_utf8_are_refused", () => {
  assert.throws(() => readText(new Uint8Array([0x22, 0xff, 0x22])), Problem);
});
