import assert from "node:assert/strict";
import { test } from "node:test";
import { contained, escaped, isolated } from "./bidi.ts";
import { write } from "./index.ts";

const fsi = "\u2068";
const pdi = "\u2069";

test("a_left_to_right_name_is_inserted_as_it_is", () => {
  assert.equal(
    write("en", "remove_named", { name: "Ada Lovelace (2)" }),
    "Remove Ada Lovelace (2)",
  );
  assert.equal(write("de", "volume_of", { name: "Zoë 🎈" }), "Lautstärke von Zoë 🎈");
});

test("a_right_to_left_name_is_isolated_in_every_sentence", () => {
  assert.equal(write("en", "remove_named", { name: "عمر" }), `Remove ${fsi}عمر${pdi}`);
  assert.equal(
    write("en", "toast_message", { name: "דנה", text: "hello" }),
    `${fsi}דנה${pdi}: hello`,
  );
});

for (const [name, mark] of [
  ["an_override", "\u202e"],
  ["an_embedding", "\u202b"],
  ["an_end_of_an_embedding", "\u202c"],
  ["an_open_isolate", "\u2067"],
  ["an_end_of_an_isolate", "\u2069"],
] as const) {
  test(`${name}_in_a_name_does_not_reach_the_sentence`, () => {
    const text = write("en", "remove_question", { name: `Ada${mark}nimda` });
    assert.equal(text, `Remove ${fsi}Adanimda${pdi}?`);
  });
}

test("a_line_break_in_a_name_does_not_end_its_isolate", () => {
  for (const end of ["\n", "\r\n", "\u2029", "\u2028"])
    assert.equal(isolated(`عمر${end}x`), `${fsi}عمر x${pdi}`);
  assert.equal(isolated("Ada\nBen"), "Ada Ben");
});

test("isolates_that_are_whole_stay_so_that_a_list_of_names_keeps_its_order", () => {
  const list = `${fsi}عمر${pdi}, ${fsi}زيد${pdi}`;
  assert.equal(isolated(list), `${fsi}${list}${pdi}`);
  assert.equal(contained(`${list}${pdi}\u2067`), list);
});

test("in_a_right_to_left_sentence_every_name_is_isolated", () => {
  assert.equal(isolated("Ada", "rtl"), `${fsi}Ada${pdi}`);
});

test("json_shows_marks_of_direction_as_escapes_and_reads_back_the_same", () => {
  const value = { name: "Ada\u202egpj.exe" };
  const shown = escaped(JSON.stringify(value));
  assert.equal(shown, '{"name":"Ada\\u202egpj.exe"}');
  assert.deepEqual(JSON.parse(shown), value);
});
