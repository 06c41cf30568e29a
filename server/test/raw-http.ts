// Bytes to a server and back, for what no HTTP client would send.
import { connect, type Socket } from "node:net";

/** An answer, taken apart. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

/** Opens a connection. */
export function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Sends bytes and reads until the server closes, or until `until` is in what came. */
export async function sendRaw(url: string, bytes: string, until?: string): Promise<string> {
  const socket = await dial(url);
  return new Promise((resolve) => {
    let text = "";
    const end = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding("utf8");
    socket.on("error", end);
    socket.on("close", end);
    socket.on("end", end);
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (until !== undefined && text.includes(until)) end();
    });
    socket.write(bytes);
  });
}

/** Reads the first answer in what came. */
export function readAnswer(text: string): RawAnswer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [line = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((one) => {
      const colon = one.indexOf(":");
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
    }),
  );
  const all = rest.join("\r\n\r\n");
  const length = Number(headers["content-length"] ?? all.length);
  const body = Buffer.from(all).subarray(0, length).toString();
  const is_json = headers["content-type"]?.startsWith("application/json") ?? false;
  return {
    status: Number(line.split(" ")[1]),
    headers,
    text: body,
    body: is_json && body !== "" ? JSON.parse(body) : null,
  };
}

/** Sends bytes that the server answers and closes. */
export const askRaw = async (url: string, bytes: string): Promise<RawAnswer> =>
  readAnswer(await sendRaw(url, bytes));
