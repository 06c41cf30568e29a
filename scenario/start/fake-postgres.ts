// A server that speaks just enough of PostgreSQL's protocol (version 3.0) to be asked for its version.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type, 0, "ascii");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text_oid = 25;

/** Answers every statement with one row, whose `version` is `server_version_num`. Returns its port on loopback. */
export async function fakePostgres(t: TestContext, server_version_num: string): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    speak(socket, server_version_num);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function speak(socket: Socket, version: string): void {
  let has_started = false;
  let rest: Buffer = Buffer.alloc(0);
  const ready = message("Z", Buffer.from("I"));
  const row_description = message(
    "T",
    Buffer.concat([
      ...[int16(1), Buffer.from("version\0"), int32(0), int16(0), int32(text_oid)],
      ...[int16(-1), int32(-1), int16(0)],
    ]),
  );
  const row = message("D", Buffer.concat([int16(1), int32(version.length), Buffer.from(version)]));
  const answers: Record<string, Buffer> = {
    P: message("1", Buffer.alloc(0)),
    B: message("2", Buffer.alloc(0)),
    D: row_description,
    E: Buffer.concat([row, message("C", Buffer.from("SELECT 1\0"))]),
    S: ready,
    Q: Buffer.concat([row_description, row, message("C", Buffer.from("SELECT 1\0")), ready]),
  };
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, Buffer.from(chunk)]);
    for (;;) {
      const head = has_started ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = head + rest.readInt32BE(head);
      if (rest.length < length) return;
      const type = has_started ? rest.toString("ascii", 0, 1) : "start";
      rest = rest.subarray(length);
      if (type === "X") return void socket.end();
      if (!has_started) {
        has_started = true;
        socket.write(Buffer.concat([message("R", int32(0)), ready]));
      } else if (answers[type]) socket.write(answers[type]);
    }
  });
}
