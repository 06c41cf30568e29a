// People for pictures: a drawn face that moves a little in place of a camera, and a voice that is heard or not.

/** How somebody looks and sounds. */
export interface DrawnPerson {
  readonly name: string;
  /** The wall behind them, from one colour to another. */
  readonly back: readonly [string, string];
  readonly skin: string;
  readonly hair: string;
  readonly shirt: string;
  readonly is_talking?: boolean;
  /** Has no camera: so many pictures at once are more than a small machine draws. */
  readonly is_faceless?: boolean;
}

/** Everybody there is, in the order in which they come. */
export const drawn_people: readonly DrawnPerson[] = [
  {
    ...{ name: "Ada Lovelace", back: ["#2b4a6f", "#8fb4d9"], skin: "#e8c4a2" },
    ...{ hair: "#3b2a20", shirt: "#7a3b4e" },
  },
  {
    ...{ name: "Kofi Mensah", back: ["#3d5a45", "#a9c9a4"], skin: "#7b4f35" },
    ...{ hair: "#16110d", shirt: "#d9a441" },
  },
  {
    ...{ name: "Mei Tanaka", back: ["#6b4a5e", "#d9b3c4"], skin: "#f0d3b4" },
    ...{ hair: "#1d1a1c", shirt: "#2f6f73", is_talking: true },
  },
  {
    ...{ name: "Jonas Weber", back: ["#54504a", "#cfc6b8"], skin: "#efcdb0" },
    ...{ hair: "#a9713c", shirt: "#34507d" },
  },
  {
    ...{ name: "ليلى حداد", back: ["#3c4a6b", "#b9c4dd"], skin: "#d9a982" },
    ...{ hair: "#20150f", shirt: "#6b3d7a" },
  },
  {
    ...{ name: "Maximiliane Freifrau von Hohenstein-Rabenburg", back: ["#445", "#99a"] },
    ...{ skin: "#f3d6c0", hair: "#c9a25f", shirt: "#2c5f46", is_faceless: true },
  },
  {
    ...{ name: "Sofia", back: ["#5a3b34", "#d8a998"], skin: "#caa07e" },
    ...{ hair: "#2a1a14", shirt: "#b8543f", is_faceless: true },
  },
  {
    ...{ name: "Nguyễn Thị Minh", back: ["#2f5a5a", "#a4d0cf"], skin: "#ebc9a4" },
    ...{ hair: "#17130f", shirt: "#3f4f8a", is_faceless: true },
  },
  {
    ...{ name: "Tom", back: ["#4a4a3a", "#c9c9a4"], skin: "#f0cfb4" },
    ...{ hair: "#5b4636", shirt: "#555", is_faceless: true },
  },
];

/** Runs inside a page before its own code: these devices are its camera, microphone and screen. */
export function installDrawnPerson(look: DrawnPerson): void {
  const canvasOf = (width: number, height: number): CanvasRenderingContext2D => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    return canvas.getContext("2d") as CanvasRenderingContext2D;
  };
  const film = (paint: CanvasRenderingContext2D, draw: () => void): MediaStreamTrack => {
    draw();
    setInterval(draw, 150);
    return paint.canvas.captureStream(7).getVideoTracks()[0] as MediaStreamTrack;
  };
  const face = (): MediaStreamTrack => {
    const paint = canvasOf(640, 360);
    let frame = 0;
    return film(paint, () => {
      const wall = paint.createLinearGradient(0, 0, 640, 360);
      wall.addColorStop(0, look.back[0]);
      wall.addColorStop(1, look.back[1]);
      paint.fillStyle = wall;
      paint.fillRect(0, 0, 640, 360);
      const sway = Math.sin(frame / 5) * 5;
      const blob = (x: number, y: number, w: number, h: number, color: string): void => {
        paint.fillStyle = color;
        paint.beginPath();
        paint.ellipse(x, y, w, h, 0, 0, Math.PI * 2);
        paint.fill();
      };
      blob(320, 400, 180, 135, look.shirt);
      blob(320 + sway, 272, 35, 45, look.skin);
      blob(320 + sway, 145, 86, 95, look.hair);
      blob(320 + sway, 180, 70, 87, look.skin);
      blob(295 + sway, 170, 6, 7, "#2a211c");
      blob(345 + sway, 170, 6, 7, "#2a211c");
      blob(320 + sway, 220, 19, 5 + Math.abs(Math.sin(frame / 2)) * 5, "#8c3f3f");
      frame += 1;
    });
  };
  const slides = (): MediaStreamTrack => {
    const paint = canvasOf(1280, 720);
    let frame = 0;
    return film(paint, () => {
      paint.fillStyle = "#ffffff";
      paint.fillRect(0, 0, 1280, 720);
      paint.fillStyle = "#1d2f4f";
      paint.font = "600 52px sans-serif";
      paint.fillText(`Calls per week · ${look.name}`, 90, 130);
      for (let bar = 0; bar < 9; bar += 1) {
        const height = 120 + ((bar * 97) % 300) + Math.sin(frame / 8 + bar) * 3;
        paint.fillStyle = bar % 2 === 0 ? "#4a7bd0" : "#8fb3ea";
        paint.fillRect(100 + bar * 122, 640 - height, 84, height);
      }
      paint.fillRect(90, 640, 1110, 4);
      frame += 1;
    });
  };
  const voice = (): MediaStreamTrack => {
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    const out = audio.createMediaStreamDestination();
    gain.gain.value = look.is_talking ? 0.2 : 0.0001;
    tone.connect(gain).connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0] as MediaStreamTrack;
  };
  const { mediaDevices } = navigator;
  mediaDevices.getUserMedia = async (wanted) => {
    if (wanted?.video && look.is_faceless) throw new DOMException("none", "NotFoundError");
    const made = new MediaStream();
    if (wanted?.video) made.addTrack(face());
    if (wanted?.audio) made.addTrack(voice());
    return made;
  };
  mediaDevices.getDisplayMedia = async () => new MediaStream([slides()]);
}
