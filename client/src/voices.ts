// Plays the voice lines: one audio element a line, on the chosen speaker, each person as loud as the user likes.
import type { VoiceSlot } from "./wire.ts";

/** The players of one joined conference. */
export interface Voices {
  /** Plays these tracks from now on, in the order of the lines. */
  play(tracks: readonly MediaStreamTrack[], mids: readonly string[]): void;
  /** Notes whose voice is on which line. */
  assign(slots: readonly VoiceSlot[]): void;
  setVolume(conferencecall_id: string, volume: number): void;
  volumeOf(conferencecall_id: string): number;
  /** Errors: what the browser says. */
  setSpeaker(device_id: string | null): Promise<void>;
  /** Starts what the browser held back. */
  start(): Promise<void>;
  close(): void;
}

/** Makes the players; `blocked` is told whether the browser holds sound back until a click. */
export function createVoices(blocked: (is_blocked: boolean) => void): Voices {
  const elements: HTMLAudioElement[] = [];
  const volumes = new Map<string, number>();
  let mids: readonly string[] = [];
  let slots: readonly VoiceSlot[] = [];
  let speaker = "";
  let is_closed = false;

  const startOne = async (element: HTMLAudioElement): Promise<boolean> => {
    try {
      await element.play();
      return true;
    } catch (thrown) {
      // AbortError: another track came meanwhile, whose own play() decides.
      return !(thrown instanceof DOMException && thrown.name === "NotAllowedError");
    }
  };
  const startAll = async (): Promise<void> => {
    const started = await Promise.all(elements.map(startOne));
    if (!is_closed) blocked(started.includes(false));
  };
  const setVolumes = (): void => {
    for (const [line, element] of elements.entries()) {
      const slot = slots.find(({ mid }) => mid === mids[line]);
      element.volume = volumes.get(slot?.conferencecall_id ?? "") ?? 1;
    }
  };

  return {
    play(tracks, named) {
      mids = named;
      for (const [line, track] of tracks.entries()) {
        const element = elements[line] ?? new Audio();
        elements[line] = element;
        element.srcObject = new MediaStream([track]);
        if (speaker !== "" && "setSinkId" in element) {
          // The speaker may be gone by now; the default one then plays.
          element.setSinkId(speaker).catch(() => (speaker = ""));
        }
      }
      setVolumes();
      void startAll();
    },
    assign(assigned) {
      slots = assigned;
      setVolumes();
    },
    setVolume(conferencecall_id, volume) {
      volumes.set(conferencecall_id, Math.min(Math.max(volume, 0), 1));
      setVolumes();
    },
    volumeOf: (conferencecall_id) => volumes.get(conferencecall_id) ?? 1,
    async setSpeaker(device_id) {
      speaker = device_id ?? "";
      await Promise.all(
        elements.map((element) =>
          "setSinkId" in element ? element.setSinkId(speaker) : Promise.resolve(),
        ),
      );
    },
    start: startAll,
    close() {
      is_closed = true;
      for (const element of elements) {
        element.pause();
        element.srcObject = null;
      }
    },
  };
}
