import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeptStorage, openBrowserStore } from "./browser-store.ts";

const refuse = (): never => {
  throw new DOMException("The operation is insecure.", "SecurityError");
};

function kept(): KeptStorage & { readonly values: Map<string, string> } {
  const values = new Map<string, string>();
  return {
    values,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

test("what_is_written_is_kept_under_a_name_of_our_own_and_can_be_forgotten", () => {
  const storage = kept();
  const store = openBrowserStore(storage);
  store.write("page.theme", "dark");
  assert.equal(storage.values.get("parley.page.theme"), "dark");
  assert.equal(openBrowserStore(storage).read("page.theme"), "dark");
  store.write("page.theme", null);
  assert.equal(store.read("page.theme"), null);
  assert.equal(storage.values.size, 0);
});

for (const [name, broken] of [
  ["throws_at_every_touch", { getItem: refuse, setItem: refuse, removeItem: refuse }],
  ["is_full", { ...kept(), setItem: refuse }],
  ["cannot_be_read", { ...kept(), getItem: refuse }],
  ["is_there_in_name_only", {} as KeptStorage],
  ["is_null", null],
] as const) {
  test(`a_store_that_${name}_never_throws`, () => {
    const store = openBrowserStore(broken);
    assert.equal(store.read("name"), null);
    store.write("name", "Ada");
    store.write("name", null);
    assert.equal(store.read("name"), null);
  });
}

test("what_could_not_be_kept_lasts_as_long_as_the_page", () => {
  const store = openBrowserStore({ getItem: refuse, setItem: refuse, removeItem: refuse });
  store.write("name", "Ada");
  assert.equal(store.read("name"), "Ada");
});

for (const [name, property] of [
  ["throws_when_it_is_asked_for", { get: refuse }],
  ["is_null", { value: null }],
  ["is_absent", { value: undefined }],
] as const) {
  test(`a_browser_whose_storage_${name}_is_served`, () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
    Object.defineProperty(globalThis, "localStorage", { ...property, configurable: true });
    try {
      const store = openBrowserStore();
      store.write("name", "Ada");
      assert.equal(store.read("name"), "Ada");
    } finally {
      if (before) Object.defineProperty(globalThis, "localStorage", before);
      else Reflect.deleteProperty(globalThis, "localStorage");
    }
  });
}
