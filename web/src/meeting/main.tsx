// Start of the meeting page.
import { createRoot } from "react-dom/client";
import { SurroundingsProvider } from "../look/surroundings.tsx";
import { readMeetingAddress } from "./address.ts";
import { MeetApp } from "./meet-app.tsx";
import "../look/tokens.css";
import "../look/base.css";
import "../chat/chat.css";
import "./meeting.css";
import "./before.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root element");
// Another link pasted into the same tab changes only the fragment; that loads nothing by itself.
globalThis.addEventListener("hashchange", () => location.reload());
createRoot(root).render(
  <SurroundingsProvider>
    <MeetApp address={readMeetingAddress(location)} />
  </SurroundingsProvider>,
);
