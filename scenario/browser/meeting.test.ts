// Three people in real Chromium through the real meeting page: who hears whom (by frequency), who sees whom (by colour),
// chat with a late joiner, kick, end and timeout.
import assert from "node:assert/strict";
import { test } from "node:test";
import { needs_chromium, seen, tonesHeard } from "../harness/chromium.ts";
import { type Attendee, chatTexts, joinMeeting, people, say } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

const others = (all: readonly Attendee[], me: Attendee): Attendee[] =>
  all.filter((one) => one !== me);

/** Waits until each of `all` hears exactly the others' tones. */
async function eachHearsTheOthers(all: readonly Attendee[]): Promise<void> {
  for (const one of all) {
    const wanted = others(all, one)
      .map(({ persona }) => persona.tone_hz)
      .toSorted((a, b) => a - b);
    let now: number[] = [];
    await until(
      `${one.persona.name} hears ${wanted} and nothing else`,
      async () => {
        now = await tonesHeard(one.page);
        return String(now) === String(wanted);
      },
      15_000,
    ).catch((error: Error) => assert.fail(`${error.message}; heard ${now}`));
  }
}

/** Waits until each of `all` sees the others' colours in the tiles that carry their names, and the pictures move. */
async function eachSeesTheOthers(all: readonly Attendee[]): Promise<void> {
  for (const one of all) {
    for (const other of others(all, one)) {
      await until(
        `${one.persona.name} sees ${other.persona.name} in ${other.persona.color}`,
        async () =>
          (await seen(one.page)).some(
            ({ label, color, frames }) =>
              label === other.persona.name && color === other.persona.color && frames > 5,
          ),
        20_000,
      );
    }
  }
}

for (const mode of ["voices", "mix"] as const) {
  test(`three_people_hear_and_see_each_other_in_${mode}_mode`, needs_chromium, async () => {
    const id = await parley.conference();
    const all: Attendee[] = [];
    for (const persona of Object.values(people)) {
      all.push(await joinMeeting(parley, browser, id, persona, { mode }));
    }
    await eachHearsTheOthers(all);
    await eachSeesTheOthers(all);
    const shown = await parley.api<{ conferencecall_ids: string[] }>(
      "GET",
      `/v1.0/conferences/${id}`,
    );
    assert.equal(shown.conferencecall_ids.length, 3);

    const [ada, ben] = all as [Attendee, Attendee, Attendee];
    await ada.page.getByRole("button", { name: "Microphone", exact: true }).click();
    await until("a muted person is not heard", async () => {
      return !(await tonesHeard(ben.page)).includes(ada.persona.tone_hz);
    });
    await ada.page.getByRole("button", { name: "Microphone", exact: true }).click();
    await until("an unmuted person is heard again", async () => {
      return (await tonesHeard(ben.page)).includes(ada.persona.tone_hz);
    });
    for (const { faults, page } of all) {
      assert.deepEqual(faults, []);
      await page.context().close();
    }
    await until(
      "everybody who closed the page has left",
      async () => {
        const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
          "GET",
          `/v1.0/conferences/${id}`,
        );
        return conferencecall_ids.length === 0;
      },
      30_000,
    );
  });
}

test("a_late_joiner_reads_what_was_written_before", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await say(ada.page, "The agenda: one, two, three.");
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await until("history is there", async () => (await chatTexts(ben.page)).includes("The agenda"));
  await say(ben.page, "Thank you, Ada.");
  await until("and the answer arrives", async () =>
    (await chatTexts(ada.page)).includes("Thank you, Ada."),
  );
  const stored = await parley.api<{ result: { text: string }[] }>(
    "GET",
    `/v1.0/conferences/${id}/messages`,
  );
  assert.deepEqual(
    stored.result.map(({ text }) => text),
    ["Thank you, Ada.", "The agenda: one, two, three."],
  );
  for (const { page } of [ada, ben]) await page.context().close();
});

test("a_shared_screen_is_seen_beside_the_camera", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await ada.page.getByRole("button", { name: "Share screen" }).click();
  await until(
    "Ben sees the screen and the camera",
    async () => {
      const pictures = await seen(ben.page);
      return (
        pictures.some(({ label, color }) => label === "Screen of Ada" && color === "white") &&
        pictures.some(({ label, color }) => label === "Ada" && color === "red")
      );
    },
    20_000,
  );
  for (const { page } of [ada, ben]) await page.context().close();
});

test("kick_removes_a_person_and_shows_why", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada, { role: "host" });
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const { result } = await parley.api<{ result: { id: string; name: string }[] }>(
    "GET",
    `/v1.0/conferencecalls?conference_id=${id}`,
  );
  const target = result.find(({ name }) => name === "Ben");
  assert.ok(target);
  const answer = await parley.api("DELETE", `/v1.0/conferencecalls/${target.id}`);
  assert.ok(["leaving", "leaved"].includes(String(answer["status"])));
  await ben.page.getByRole("heading", { name: "You were removed" }).waitFor();
  await until("Ada is alone", async () => {
    const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
      "GET",
      `/v1.0/conferences/${id}`,
    );
    return conferencecall_ids.length === 1;
  });
  for (const { page } of [ada, ben]) await page.context().close();
});

test("delete_ends_the_conference_for_all", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ended = await parley.api("DELETE", `/v1.0/conferences/${id}`);
  assert.ok(["terminating", "terminated"].includes(String(ended["status"])));
  await ada.page.getByRole("heading", { name: "The conference is over" }).waitFor();
  await until("it terminates", async () => {
    const { status } = await parley.api("GET", `/v1.0/conferences/${id}`);
    return status === "terminated";
  });
  await ada.page.context().close();
});

test("a_timeout_ends_the_conference_like_a_delete", needs_chromium, async () => {
  const id = await parley.conference({ timeout: 6 });
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await ada.page.getByRole("heading", { name: "The conference is over" }).waitFor();
  const { status } = await until("it terminates", async () => {
    const shown = await parley.api<{ status: string }>("GET", `/v1.0/conferences/${id}`);
    return shown.status === "terminated" ? shown : null;
  });
  assert.equal(status, "terminated");
  await ada.page.context().close();
});
