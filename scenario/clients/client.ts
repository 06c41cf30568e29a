// What a program that joins is to these tests: the ways in which it joins, and one that has joined.
import type { TestContext } from "node:test";
import type { Browser, Page } from "playwright-core";

/** A direction of a line as the client offers it. */
export type Direction = "sendrecv" | "sendonly" | "recvonly";
/** A line that the client offers; a `data` line is a data channel. */
export interface Line {
  readonly kind: "audio" | "video" | "data";
  readonly direction?: Direction;
}

/** Everybody who joins in these tests sends this tone and this colour; Ada, who watches, sends the others. */
export const client_tone_hz = 660;
export const client_color = "lime";
export const ada_tone_hz = 440;
export const ada_color = "red";

/** How somebody is let in. */
export interface Invitation {
  /** Where the offer is POSTed. */
  readonly url: string;
  /** For `Authorization: Bearer`. */
  readonly token: string;
  /** Name that the others see. */
  readonly name: string;
  /** Path of the join, for programs that keep their answer to themselves: waits until somebody of that name is in. */
  location(): Promise<string>;
}

/** Somebody who was answered 201 at the first try. */
export interface FarEnd {
  /** Of the answer: path of the join. */
  readonly location: string;
  /** The answer's SDP. */
  readonly answer: string;
  /** Whether its connection is up. */
  isConnected(): Promise<boolean> | boolean;
  /** Tones (440, 660, 880 Hz) of the sound that it is sent now; [] when it is sent none. */
  tones(): Promise<readonly number[]> | readonly number[];
  /** How many moving pictures of that colour it has seen so far. */
  pictures(color: string): Promise<number> | number;
  /** Leaves in the way that its variant names. */
  leave(): Promise<void>;
  /** Whether it noticed that we closed its connection; absent where the program does not tell. */
  readonly isClosed?: (() => Promise<boolean> | boolean) | undefined;
}

/** One way to join with one program: a test, and a row of the guide's table. */
export interface Variant {
  /** Name of the test: what is promised. */
  readonly promise: string;
  /** What the table calls it. */
  readonly way: string;
  /** What it sends; [] for a player. */
  readonly sends: readonly ("audio" | "video")[];
  /** What it takes; [] for a publisher. */
  readonly receives: readonly ("audio" | "video")[];
  /** DELETE of its join; close of its connection alone; or its process is killed. */
  readonly leaves: "DELETE" | "closes" | "vanishes";
  /** As whom it joins; a member unless said otherwise. */
  readonly role?: "member" | "listener";
  /** Joins and waits until it is answered; throws with the refusal otherwise. What it starts ends with the test. */
  join(t: TestContext, invitation: Invitation): Promise<FarEnd>;
  /** What else holds, while it is heard and seen. */
  also?(t: TestContext, end: FarEnd, meeting: Meeting): Promise<void>;
}

/** The meeting in which a variant is. */
export interface Meeting {
  /** Lets one more in. */
  invite(name: string, role?: "host" | "member" | "listener"): Promise<Invitation>;
  /** Page of Ada, who is in the meeting all the time. */
  readonly ada: Page;
  /** The name under which the variant joined. */
  readonly name: string;
}

/** What is there for all programs. */
export interface World {
  readonly browser: Browser;
  /** Of a site with one empty page, which the server allows. */
  readonly origin: string;
}

/** A program, with every way in which it is tried. */
export interface Client {
  readonly name: string;
  /** The version that is pinned, or null when the system decides it. */
  readonly version: string | null;
  /** Why it cannot run here, or null. */
  readonly missing: string | null;
  /** Starts the site whose page it is on, and gives the site's origin; absent when it needs none of its own. */
  origin?(): Promise<string>;
  /** Makes ready what its variants need, once. */
  prepare?(world: World): Promise<void>;
  /** Ends what `origin` and `prepare` began. */
  close?(): Promise<void>;
  readonly variants: readonly Variant[];
}

export const both = ["audio", "video"] as const;
