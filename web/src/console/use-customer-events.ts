// Hears that something changed at this customer, through the event socket.
import { useEffect, useRef, useState } from "react";
import type { Api } from "./api.ts";

/** Pauses between attempts to open the socket, and the shortest time between two notices. */
const pauses = { first_ms: 500, longest_ms: 15_000, gather_ms: 300 };

/** Close code for a credential that is not accepted (any more). */
const credential_refused = 4401;

/** Calls `changed` soon after something happened to a conference or a join; tells whether it listens now. */
export function useCustomerEvents(api: Api, changed: () => void): boolean {
  const [is_live, setLive] = useState(false);
  const latest = useRef(changed);
  latest.current = changed;
  useEffect(() => {
    let socket: WebSocket | null = null;
    let pause_ms = pauses.first_ms;
    let retry: ReturnType<typeof setTimeout> | null = null;
    let gathering: ReturnType<typeof setTimeout> | null = null;
    let is_gone = false;
    const notice = (): void => {
      gathering ??= setTimeout(() => {
        gathering = null;
        latest.current();
      }, pauses.gather_ms);
    };
    const open = (): void => {
      const address = new URL("/v1.0/ws", location.href);
      address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
      address.searchParams.set("token", api.token);
      socket = new WebSocket(address);
      socket.addEventListener("open", () => {
        pause_ms = pauses.first_ms;
        socket?.send(
          JSON.stringify({ type: "subscribe", topics: ["conference", "conferencecall"] }),
        );
        setLive(true);
        // Whatever happened while nobody listened.
        notice();
      });
      socket.addEventListener("message", notice);
      socket.addEventListener("close", ({ code }) => {
        setLive(false);
        if (is_gone) return;
        if (code === credential_refused) {
          api.refused();
          return;
        }
        retry = setTimeout(open, pause_ms);
        pause_ms = Math.min(pauses.longest_ms, pause_ms * 2);
      });
    };
    open();
    return () => {
      is_gone = true;
      if (retry) clearTimeout(retry);
      if (gathering) clearTimeout(gathering);
      socket?.close();
    };
  }, [api]);
  return is_live;
}
