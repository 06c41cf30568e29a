// How loud somebody is stays with the person: over one's own return and over theirs.
import type { JoinedConference, Person } from "@parley/client";
import { useEffect } from "react";

/** Volumes that are not 100 %, by join and by who it was. Lasts as long as the page. */
const by_join = new Map<string, number>();
const by_person = new Map<string, number>();

// Another join of the same person has another id; to people the name is the person.
const personOf = ({ name, role, label }: Person): string => JSON.stringify([name, role, label]);

/** Gives back to everybody the volume that they had. */
export function useVolumes(conference: JoinedConference): void {
  useEffect(() => {
    const give = (person: Person): void => {
      const volume = by_join.get(person.id) ?? by_person.get(personOf(person));
      if (volume !== undefined && !person.is_me) setVolumeOf(conference, person, volume);
    };
    for (const person of conference.view.people) give(person);
    return conference.on("joined", give);
  }, [conference]);
}

/** Sets how loud somebody is, and remembers it. */
export function setVolumeOf(conference: JoinedConference, person: Person, volume: number): void {
  by_join.set(person.id, volume);
  if (person.name !== "") by_person.set(personOf(person), volume);
  conference.setVolume(person.id, volume);
}
