// Start of the console.
import { createRoot } from "react-dom/client";
import { SurroundingsProvider } from "../look/surroundings.tsx";
import { ConsoleApp } from "./console-app.tsx";
import "../look/tokens.css";
import "../look/base.css";
import "../chat/chat.css";
import "./console.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root element");
createRoot(root).render(
  <SurroundingsProvider>
    <ConsoleApp />
  </SurroundingsProvider>,
);
