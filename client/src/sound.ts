// Loudness of a microphone, and a sound to test a speaker with.

import { Problem } from "./problem.ts";

/** Reads how loud a microphone is. */
export interface LevelMeter {
  /** Listens to this microphone from now on; null: to none. */
  listen(media: MediaStream | null): void;
  /** Loudness now, 0..1, on a scale that looks even to the eye: -60 dB is 0, 0 dB is 1. */
  read(): number;
  close(): void;
}

/** Makes a meter; its AudioContext is made at the first microphone. */
export function createLevelMeter(): LevelMeter {
  let context: AudioContext | null = null;
  let source: MediaStreamAudioSourceNode | null = null;
  let copy: MediaStream | null = null;
  let analyser: AnalyserNode | null = null;
  let is_unable = false;
  let samples = new Float32Array(1024);
  const stop = (): void => {
    source?.disconnect();
    source = null;
    for (const track of copy?.getTracks() ?? []) track.stop();
    copy = null;
  };
  return {
    listen(media) {
      stop();
      if (!media || is_unable) return;
      try {
        context ??= new AudioContext();
        analyser ??= new AnalyserNode(context, { fftSize: samples.length });
        // A copy, because a muted track is silent everywhere, and "you are talking while muted" needs to hear it.
        copy = new MediaStream(media.getAudioTracks().map((track) => track.clone()));
        for (const track of copy.getTracks()) track.enabled = true;
        source = context.createMediaStreamSource(copy);
        source.connect(analyser);
      } catch {
        // A browser without Web Audio, or with no sound card at all: the microphone works, its level is not shown.
        is_unable = true;
        stop();
      }
    },
    read() {
      if (!analyser || !source) return 0;
      // Suspended until the user touches the page; asking again is free.
      if (context?.state === "suspended") context.resume().catch(stillSuspended);
      samples = samples.length === analyser.fftSize ? samples : new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      return levelOf(samples);
    },
    close() {
      stop();
      context?.close().catch(stillSuspended);
      context = null;
      analyser = null;
    },
  };
}

/** A context that may not start, or that is closed already, reads 0; that is all there is to say about it. */
const stillSuspended = (): void => undefined;

/** Loudness of samples (-1..1) on the meter's scale. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
  return Math.min(Math.max((decibels + 60) / 60, 0), 1);
}

/** Plays two short notes on a speaker (null: the default one); resolves when they have ended. */
export async function playTestSound(device_id: string | null): Promise<void> {
  if (!("AudioContext" in globalThis)) {
    throw new Problem("BROWSER_UNSUPPORTED", "This browser cannot make a test sound");
  }
  const context = new AudioContext();
  try {
    const destination = context.createMediaStreamDestination();
    const element = new Audio();
    element.srcObject = destination.stream;
    if (device_id !== null && "setSinkId" in element) await element.setSinkId(device_id);
    const start = context.currentTime + 0.05;
    for (const [index, frequency] of [523.25, 783.99].entries()) {
      const note = new OscillatorNode(context, { frequency });
      const gain = new GainNode(context, { gain: 0 });
      const at = start + index * 0.25;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.2, at + 0.02);
      gain.gain.linearRampToValueAtTime(0, at + 0.24);
      note.connect(gain).connect(destination);
      note.start(at);
      note.stop(at + 0.25);
    }
    await context.resume();
    await element.play();
    await new Promise((done) => setTimeout(done, 700));
    element.pause();
  } finally {
    await context.close();
  }
}
