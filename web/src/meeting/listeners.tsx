// Who only listens: a line below the stage, not a tile each.
import type { Person } from "@parley/client";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { hueOf, initials } from "../look/people.ts";
import { useSurroundings } from "../look/surroundings.tsx";

// The rest is a number; the list of people has them all.
const named_max = 4;

/** Those who are there without being heard or seen; raised hands come first. */
export function Listeners({ people }: { readonly people: readonly Person[] }) {
  const { t } = useSurroundings();
  if (people.length === 0) return null;
  const sorted = [
    ...people.filter(({ is_me }) => is_me),
    ...people.filter(({ is_me, hand }) => !is_me && hand),
    ...people.filter(({ is_me, hand }) => !is_me && !hand),
  ];
  const named = sorted.slice(0, named_max);
  return (
    <section className="listeners" aria-label={t("listeners")}>
      <span className="muted">{t("listeners_count", { count: people.length })}</span>
      <ul>
        {named.map((person) => {
          const name = person.name || t("somebody");
          return (
            <li key={person.id} className="listener">
              <span className={`avatar small hue-${hueOf(person.id)}`} aria-hidden="true">
                {initials(person.name)}
              </span>
              <span className="listener-name">
                {person.is_me ? t("you_named", { name }) : <Name of={name} />}
              </span>
              {person.hand && (
                <span className="chip hand">
                  <Icon name="hand" />
                  <span className="hidden-text">{t("state_hand")}</span>
                </span>
              )}
            </li>
          );
        })}
        {people.length > named.length && (
          <li className="muted">{t("listeners_more", { count: people.length - named.length })}</li>
        )}
      </ul>
    </section>
  );
}
