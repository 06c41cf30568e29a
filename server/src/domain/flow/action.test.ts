import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../kernel/problem.ts";
import { nil_uuid } from "../../kernel/wire.ts";
import { type ActionInput, action_types, actions_max, readActions } from "./action.ts";

const refusal = (list: readonly ActionInput[]): [string, unknown] => {
  try {
    readActions(list, "pre_actions");
  } catch (thrown) {
    assert.ok(thrown instanceof Problem);
    return [thrown.reason, thrown.details[0]?.["field"]];
  }
  return ["", undefined];
};

test("an_action_is_given_back_as_it_was_with_missing_members_as_nothing", () => {
  const given = {
    id: nil_uuid,
    next_id: nil_uuid,
    type: "talk",
    option: { text: "hi", gender: "female", language: "en-US", own: { any: 1 } },
  };
  assert.deepEqual(readActions([given], "pre_actions"), [given]);
  assert.deepEqual(readActions([{ type: "answer" }], "pre_actions"), [
    { id: nil_uuid, next_id: nil_uuid, type: "answer", option: {} },
  ]);
});

test("every_type_that_needs_no_option_is_taken_without_one", () => {
  const bare = action_types.filter((type) => refusal([{ type }])[0] === "");
  for (const type of ["answer", "beep", "echo", "hangup", "mute", "stop"]) {
    assert.ok(bare.includes(type), type);
  }
});

test("the_place_of_a_wrong_option_is_named", () => {
  const refused: [ActionInput, string][] = [
    [{ type: "talk", option: { text: "x", gender: "robot" } }, "pre_actions.0.option.gender"],
    [{ type: "play", option: { stream_urls: [1] } }, "pre_actions.0.option.stream_urls.0"],
    [{ type: "goto", option: { target_id: "here" } }, "pre_actions.0.option.target_id"],
    [{ type: "digits_send", option: { digits: "abc" } }, "pre_actions.0.option.digits"],
    [{ type: "talk", option: {} }, "pre_actions.0.option"],
  ];
  for (const [action, field] of refused) {
    assert.deepEqual(refusal([action]), ["INVALID_ARGUMENT", field]);
  }
});

test("types_that_do_not_exist_or_would_nest_without_end_are_refused", () => {
  for (const type of ["", "dance", "empty", "conference_join", "toString", "__proto__"]) {
    assert.deepEqual(refusal([{ type }]), ["INVALID_ACTION_TYPE", "pre_actions.0.type"], type);
  }
});

test("a_list_that_is_too_long_is_refused", () => {
  const list = Array.from({ length: actions_max + 1 }, () => ({ type: "answer" }));
  assert.deepEqual(refusal(list), ["INVALID_ARGUMENT", "pre_actions"]);
});
