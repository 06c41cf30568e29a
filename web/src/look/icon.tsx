// The icons of both pages, drawn as lines in a 24 × 24 box.

const paths = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5 11a7 7 0 0 0 14 0M12 18v3",
  microphone_off:
    "M9 9v2a3 3 0 0 0 4.6 2.5M15 10V6a3 3 0 0 0-5.7-1.3M5 11a7 7 0 0 0 11 5.7M19 11a7 7 0 0 1-.7 3M12 18v3M3 3l18 18",
  waves: "M4 10v4M8 7v10M12 4v16M16 7v10M20 10v4",
  camera: "M6 6h6a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3V9a3 3 0 0 1 3-3ZM15 10l6-3v10l-6-3",
  camera_off:
    "M10.5 6H12a3 3 0 0 1 3 3v1l6-3v10l-3.5-1.8M15 15a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3V9c0-1 .5-2 1.400-2.500M3 3l18 18",
  screen:
    "M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM8 21h8M12 13V8M9.500 10.500 12 8l2.500 2.500",
  hand: "M7 12V6a1.500 1.500 0 0 1 3 0v4-6a1.500 1.500 0 0 1 3 0v6-5a1.500 1.500 0 0 1 3 0v6-3a1.500 1.500 0 0 1 3 0v6a7 7 0 0 1-7 7c-3 0-4.600-1.500-6-4l-2.300-4A1.500 1.500 0 0 1 6 11",
  chat: "M4 5h16v11H9l-5 4V5Z",
  people:
    "M9 4.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7ZM2.500 20a6.500 6.500 0 0 1 13 0M16 4.800a3.500 3.500 0 0 1 0 6.400M18 14.500a6.500 6.500 0 0 1 3.500 5.500",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  leave: "M3 14c5-5 13-5 18 0l-2.500 3-4-2v-2.200a10 10 0 0 0-5 0V15l-4 2L3 14Z",
  send: "M4 12 20 4l-4 16-4-6-8-2Z",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M10 8h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2",
  check: "M5 13l4 4L19 7",
  settings: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4M4 12h14M20 12h0",
  pin: "M9 4h6l-1 6 3 3H7l3-3-1-6ZM12 13v7",
  lock: "M7 11h10a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2ZM8 11V8a4 4 0 0 1 8 0v3",
  key: "M8 11a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM11 12l9-9M17 6l3 3",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1-1",
  plus: "M12 5v14M5 12h14",
  trash: "M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3",
  out: "M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M15 8l4 4-4 4M9 12h10",
  book: "M5 4h10a4 4 0 0 1 4 4v12H9a4 4 0 0 1-4-4V4ZM5 16a4 4 0 0 1 4-4h10",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500 19 19M19 5l-1.500 1.500M6.500 17.500 5 19",
  language:
    "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18ZM3 12h18M12 3c3 2.500 4 6 4 9s-1 6.500-4 9c-3-2.500-4-6-4-9s1-6.500 4-9Z",
  down: "M6 9l6 6 6-6",
  back: "M15 6l-6 6 6 6",
  forward: "M9 6l6 6-6 6",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  keyboard:
    "M4 6h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1ZM7 10h.01M11 10h.01M15 10h.01M18 10h.01M8 14h8",
  warning: "M12 4 2.500 20h19L12 4ZM12 10v5M12 17.500v.5",
  sound: "M4 10v4h4l5 4V6L8 10H4ZM16.500 9a4 4 0 0 1 0 6M19 6.500a8 8 0 0 1 0 11",
  eye_off:
    "M4 4l16 16M10 6.200A9 9 0 0 1 21 12a12 12 0 0 1-2.500 3.200M6.500 7.500A12 12 0 0 0 3 12a9.500 9.500 0 0 0 12.500 5",
} as const;

/** Name of an icon. */
export type IconName = keyof typeof paths;

/** One icon; decoration only, the control around it carries the name. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
