// Words between the tabs of this browser that show the same page. Where the browser has no channel, nothing is heard.
import { reportFault } from "./report.ts";

/** A channel to the other tabs. */
export interface Tabs<Message> {
  /** Tells every other tab. */
  tell(message: Message): void;
  close(): void;
}

/** Opens the channel `name`; `hear` is given what other tabs tell, never what this one does. */
export function openTabs<Message>(name: string, hear: (message: Message) => void): Tabs<Message> {
  const channel = openChannel(`parley.${name}`);
  if (channel) channel.onmessage = ({ data }) => hear(data as Message);
  return {
    tell(message) {
      try {
        channel?.postMessage(message);
      } catch (thrown) {
        reportFault(thrown);
      }
    },
    close: () => channel?.close(),
  };
}

function openChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name);
  } catch {
    // Absent in older browsers, forbidden in some frames: every tab then stands alone.
    return null;
  }
}
