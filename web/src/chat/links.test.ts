import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitLinks } from "./links.ts";

const hrefs = (text: string): string[] =>
  splitLinks(text).flatMap((piece) => ("href" in piece ? [piece.href] : []));

test("web_addresses_become_links_and_sentence_marks_stay_text", () => {
  assert.deepEqual(splitLinks("See https://example.org/a?b=1, or (http://example.net)."), [
    { text: "See " },
    { text: "https://example.org/a?b=1", href: "https://example.org/a?b=1" },
    { text: ", or (" },
    { text: "http://example.net", href: "http://example.net/" },
    { text: ")." },
  ]);
});

test("nothing_but_http_and_https_is_a_link", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,<b>x</b>",
    "file:///etc/passwd",
    "vbscript:x",
    "mailto:a@example.org",
    "www.example.org",
    "https://",
    "//example.org",
  ])
    assert.deepEqual(hrefs(text), [], text);
});

test("an_address_that_disguises_its_host_stays_text", () => {
  assert.deepEqual(hrefs("https://bank.example@evil.example/"), []);
  assert.deepEqual(hrefs("https://user:secret@evil.example/"), []);
});

test("markup_ends_an_address", () => {
  assert.deepEqual(hrefs('https://example.org/"onmouseover="x'), ["https://example.org/"]);
  assert.deepEqual(hrefs("<https://example.org/>"), ["https://example.org/"]);
});

test("no_text_is_lost_or_added_and_every_link_is_http", () => {
  const word = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.constantFrom("https://", "javascript:", " ", "\n", "http://[::1]:80/", "https://a@b"),
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const text = words.join(" ");
      const pieces = splitLinks(text);
      assert.equal(pieces.map((piece) => piece.text).join(""), text);
      for (const piece of pieces) if ("href" in piece) assert.match(piece.href, /^https?:\/\//);
    }),
  );
});
